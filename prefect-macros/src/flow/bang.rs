//! `flow!("name", state_handlers = [..], { body })`.
use proc_macro2::{Delimiter, Span, TokenStream, TokenTree};
use quote::quote;

use crate::errors::Errors;
use crate::keywords::{self, keyword, split_commas, ungrouped};
use crate::options::{FLOW, Options};
use crate::values::name_value;

pub(crate) fn run(input: TokenStream) -> TokenStream {
    let mut errors = Errors::default();
    let mut arguments = split_commas(input);
    let body = take_body(&mut arguments, &mut errors);
    let name = take_name(&mut arguments, &mut errors);
    let options = Options::of(arguments, FLOW, &mut errors);
    if let Some(given) = options.get("name") {
        errors.push(given.key.span(), "the name of the flow comes first: `flow!(\"name\", { .. })`");
    }
    let krate = &options.krate;
    let calls = options.calls(None, &mut errors);
    let body = body.map_or_else(|| quote!({}), |body| keywords::rewrite(body, &mut errors));
    let report = errors.report();
    quote! {{
        #report
        #krate::__private::flow(#krate::__private::FlowOptions::new(#name) #calls, || #body)
    }}
}

/// The last argument, if it is a block.
fn take_body(arguments: &mut Vec<Vec<TokenTree>>, errors: &mut Errors) -> Option<TokenStream> {
    let is_block = |last: &Vec<TokenTree>| matches!(ungrouped(last.clone()).as_slice(), [TokenTree::Group(g)] if g.delimiter() == Delimiter::Brace);
    if arguments.last().is_some_and(is_block) {
        return arguments.pop().map(|body| body.into_iter().collect());
    }
    let at = arguments.last().and_then(|last| last.last()).map_or_else(Span::call_site, TokenTree::span);
    errors.push(at, "expected a block after this, the body of the flow: `flow!(\"name\", { .. })`");
    None
}

/// The first argument, if it is no option.
fn take_name(arguments: &mut Vec<Vec<TokenTree>>, errors: &mut Errors) -> TokenStream {
    match arguments.first() {
        Some(first) if keyword(first).is_none() => {
            let at = first.first().map_or_else(Span::call_site, TokenTree::span);
            name_value(&arguments.remove(0), at, errors)
        }
        first => {
            let at = first.and_then(|first| first.first()).map_or_else(Span::call_site, TokenTree::span);
            errors.push(at, "expected the name of the flow first: `flow!(\"name\", { .. })`");
            quote!("unnamed")
        }
    }
}
