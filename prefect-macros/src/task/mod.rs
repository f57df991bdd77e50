//! `#[task]`: options and signature are read (`check`), then a function, its companion type and the code are made of them
//! (`expand`).
mod check;
mod expand;

use proc_macro2::TokenStream;

use crate::errors::Errors;
use crate::function::Function;
use crate::options::{Options, TASK};

pub(crate) fn run(args: &TokenStream, item: &TokenStream) -> TokenStream {
    let function = match Function::parse_item("#[task]", item) {
        Ok(function) => function,
        Err(instead) => return instead,
    };
    let one = |function| {
        let mut errors = Errors::default();
        let options = Options::parse(args.clone(), TASK, &mut errors);
        let task = check::check(function, options, errors);
        if task.params.has_self { expand::untouched(&task) } else { expand::expand(task) }
    };
    function.configurations().into_iter().map(one).collect()
}
