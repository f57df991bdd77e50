//! `flow!("name", state_handlers = [..], { body })`.
use proc_macro2::{Delimiter, Span, TokenStream, TokenTree};
use quote::{quote, quote_spanned};
use syn::spanned::Spanned;

use crate::errors::Errors;
use crate::keywords::{self, keyword, split_commas, ungrouped};
use crate::options::{FLOW, Options};
use crate::spans::{at, path_at};
use crate::values::name_value;

pub(crate) fn run(input: TokenStream) -> TokenStream {
    let mut errors = Errors::default();
    let mut arguments = split_commas(input);
    let body = take_body(&mut arguments, &mut errors);
    let name = take_name(&mut arguments, &body, &mut errors);
    let options = Options::of(arguments, FLOW, &mut errors);
    if let Some(given) = options.get("name") {
        errors.push(given.key.span(), "the name of the flow comes first: `flow!(\"name\", { .. })`");
    }
    let krate = &options.krate;
    let calls = options.calls(None, &mut errors);
    let place = tail(&body);
    let body = keywords::rewrite_body(krate, body, &mut errors);
    let report = errors.report();
    let returned = path_at(krate, place);
    let returned = quote_spanned!(at(place)=> #returned::__private::returned(__returned));
    quote! {{
        #report
        #krate::__private::flow(#krate::__private::FlowOptions::new(#name) #calls, || {
            #[allow(unused_braces)]
            let __returned = #body;
            #returned
        })
    }}
}

/// The last argument, which is a block.
fn take_body(arguments: &mut Vec<Vec<TokenTree>>, errors: &mut Errors) -> TokenStream {
    const EXPECTED: &str = "expected a block, the body of the flow: `flow!(\"name\", { .. })`";
    match arguments.last() {
        Some(last) if is_block(last) => {}
        // A name alone, or an option at the end: there is none.
        Some(last) if arguments.len() == 1 || keyword(last).is_some() || last.len() == 1 => {
            errors.push(last.last().map_or_else(Span::call_site, TokenTree::span), EXPECTED);
            return quote!({});
        }
        // Taken for the body, so that what it names is not reported as unused.
        Some(last) => errors.push(last.iter().cloned().collect::<TokenStream>().span(), EXPECTED),
        None => {
            errors.push(Span::call_site(), EXPECTED);
            return quote!({});
        }
    }
    arguments.pop().into_iter().flatten().collect()
}

fn is_block(tokens: &[TokenTree]) -> bool {
    matches!(ungrouped(tokens.to_vec()).as_slice(), [TokenTree::Group(g)] if g.delimiter() == Delimiter::Brace)
}

/// The first argument, if it is no option.
fn take_name(arguments: &mut Vec<Vec<TokenTree>>, body: &TokenStream, errors: &mut Errors) -> TokenStream {
    const EXPECTED: &str = "expected the name of the flow first: `flow!(\"name\", { .. })`";
    let Some(first) = arguments.first() else {
        errors.push(body.span(), EXPECTED);
        return quote!("unnamed");
    };
    let place = first.first().map_or_else(Span::call_site, TokenTree::span);
    match keyword(first) {
        None => name_value(&arguments.remove(0), place, errors),
        Some(key) if key == "name" => {
            errors.push(place, EXPECTED);
            name_value(&arguments.remove(0)[2..], place, errors)
        }
        Some(_) => {
            errors.push(place, EXPECTED);
            quote!("unnamed")
        }
    }
}

/// What a block ends with: its last statement without a semicolon, else the block.
fn tail(body: &TokenStream) -> Span {
    let tokens = ungrouped(body.clone().into_iter().collect());
    let [TokenTree::Group(group)] = tokens.as_slice() else { return body.span() };
    let statements: Vec<TokenTree> = group.stream().into_iter().collect();
    let last = statements.rsplit(|token| keywords::is_punct(Some(token), ';')).next().unwrap_or_default();
    match last {
        [] => group.span(),
        last => last.iter().cloned().collect::<TokenStream>().span(),
    }
}
