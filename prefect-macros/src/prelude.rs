//! Modules without a prelude.
//!
//! `#[diagnostic::on_unimplemented]` names mistakes in calls. The name `diagnostic` comes from a prelude: under
//! `#![no_implicit_prelude]` it is unknown, and no path leads to it. A macro cannot ask whether there is one, so it looks
//! for the attribute in the source: in the file of the call and in the root of the crate. There the expansion does without
//! those texts.
use std::cell::RefCell;
use std::collections::HashMap;
use std::path::{Path, PathBuf};

use proc_macro2::{Delimiter, Group, TokenStream, TokenTree};

use crate::keywords::is_punct;

thread_local! {
    /// What was found in each file.
    static FOUND: RefCell<HashMap<PathBuf, bool>> = RefCell::new(HashMap::new());
}

/// Whether a call in this file may stand in a module without a prelude.
pub(crate) fn is_missing(file: Option<PathBuf>) -> bool {
    let root = std::env::var_os("CARGO_MANIFEST_DIR").map(|root| Path::new(&root).join("src"));
    let roots = root.iter().flat_map(|src| [src.join("lib.rs"), src.join("main.rs")]);
    file.into_iter().chain(roots).any(|file| {
        FOUND.with_borrow_mut(|found| {
            let says =
                |file: &Path| std::fs::read_to_string(file).is_ok_and(|text| text.contains("[no_implicit_prelude]"));
            let found = found.entry(file);
            let file = found.key().clone();
            *found.or_insert_with(|| says(&file))
        })
    })
}

/// The same tokens without `#[diagnostic::..]`.
pub(crate) fn without_diagnostics(tokens: TokenStream) -> TokenStream {
    let mut out: Vec<TokenTree> = Vec::new();
    for token in tokens {
        let TokenTree::Group(group) = &token else {
            out.push(token);
            continue;
        };
        let first = group.stream().into_iter().next();
        let is_diagnostic = matches!(&first, Some(TokenTree::Ident(ident)) if ident == "diagnostic");
        if group.delimiter() == Delimiter::Bracket && is_diagnostic && is_punct(out.last(), '#') {
            out.pop();
            continue;
        }
        let mut inner = Group::new(group.delimiter(), without_diagnostics(group.stream()));
        inner.set_span(group.span());
        out.push(inner.into());
    }
    out.into_iter().collect()
}

#[cfg(test)]
mod tests {
    use quote::quote;

    #[test]
    fn only_diagnostics_are_left_out() {
        let tokens = quote!(
            const _: () = {
                #[diagnostic::on_unimplemented(message = "x")]
                #[allow(unused)]
                trait T {}
            };
        );
        let without = super::without_diagnostics(tokens).to_string();
        assert_eq!(
            without,
            quote!(
                const _: () = {
                    #[allow(unused)]
                    trait T {}
                };
            )
            .to_string()
        );
    }
}
