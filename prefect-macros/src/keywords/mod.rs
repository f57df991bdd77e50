//! Rewrites calls with keywords, token by token, and changes nothing else:
//! - `path(a = 1, b = 2)` into `path::__kw().a(1).b(2).__call()`,
//! - `path::map(a = xs)` into `path::__mapped(path::__kw().a(path::__each(xs)).__call())`,
//! - `path(.., upstream_tasks = [u], task_args = o)` into `path(..).after(u).with(o)`.
//!
//! Nothing is parsed: half-typed code comes out half-typed, with the user's spans, for the compiler and for
//! rust-analyzer to judge.
mod split;

use proc_macro2::{Delimiter, Group, Ident, TokenStream, TokenTree};
use quote::{ToTokens, quote_spanned};

use crate::errors::Errors;
pub(crate) use split::{ClosureKind, closure, is_punct, keyword, list, split_commas, ungrouped};
use split::{last_name, path_start};

/// Words in a call that are never arguments.
pub(crate) const RESERVED: &[&str] = &["upstream_tasks", "task_args", "mapped"];

pub(crate) fn rewrite(input: TokenStream, errors: &mut Errors) -> TokenStream {
    let tokens: Vec<TokenTree> = input.into_iter().collect();
    let mut out: Vec<TokenTree> = Vec::new();
    for (i, token) in tokens.iter().enumerate() {
        let TokenTree::Group(group) = token else {
            out.push(token.clone());
            continue;
        };
        let before = i.checked_sub(1).map(|i| &tokens[i]);
        if is_attribute(&tokens[..i]) {
            out.push(token.clone());
            continue;
        }
        // In `vec![add(x = 1)]` the inner call is one; the `x = 1` of `println!("{x}", x = 1)` is no keyword.
        if group.delimiter() == Delimiter::Parenthesis && !is_punct(before, '!') {
            let arguments = split_commas(group.stream());
            if arguments.iter().any(|argument| keyword(argument).is_some()) {
                let start = path_start(&out);
                if let Some(callee) = last_name(&out[start..]) {
                    let path = out.split_off(start);
                    out.extend(if is_punct(out.last(), '.') {
                        method(&path, &callee, group, &arguments, errors)
                    } else {
                        call(path, &callee, &arguments, errors)
                    });
                    continue;
                }
            }
        }
        let mut inner = Group::new(group.delimiter(), rewrite(group.stream(), errors));
        inner.set_span(group.span());
        out.push(inner.into());
    }
    out.into_iter().collect()
}

/// Whether a group after these tokens is an attribute's: `#[..]` or `#![..]`.
fn is_attribute(before: &[TokenTree]) -> bool {
    match before {
        [.., sharp, bang] if is_punct(Some(bang), '!') => is_punct(Some(sharp), '#'),
        [.., sharp] => is_punct(Some(sharp), '#'),
        [] => false,
    }
}

fn rewritten(tokens: &[TokenTree], errors: &mut Errors) -> TokenStream {
    rewrite(tokens.iter().cloned().collect(), errors)
}

/// Methods have no keywords. The values go in by position, so that nothing else is said about the call.
fn method(
    path: &[TokenTree],
    callee: &Ident,
    group: &Group,
    arguments: &[Vec<TokenTree>],
    errors: &mut Errors,
) -> TokenStream {
    errors.push(callee.span(), "keyword arguments can be given to tasks only, not to methods");
    let mut values = TokenStream::new();
    for argument in arguments {
        let value = if keyword(argument).is_some() { &argument[2..] } else { &argument[..] };
        values.extend(rewritten(value, errors));
        values.extend(quote_spanned!(callee.span()=> ,));
    }
    let mut values = Group::new(Delimiter::Parenthesis, values);
    values.set_span(group.span());
    let mut out: TokenStream = path.iter().cloned().collect();
    values.to_tokens(&mut out);
    out
}

fn call(path: Vec<TokenTree>, callee: &Ident, arguments: &[Vec<TokenTree>], errors: &mut Errors) -> TokenStream {
    let at = callee.span();
    let (path, kind) = match split_map(ungrouped(path)) {
        (path, true) => (path, Calls::Each),
        (path, false) => (path, Calls::Once),
    };
    let path: TokenStream = path.into_iter().collect();
    let value = |value: &[TokenTree], errors: &mut Errors| {
        let value = rewritten(value, errors);
        match kind {
            Calls::Once => value,
            Calls::Each => quote_spanned!(at=> #path::__each(#value)),
        }
    };
    let mut seen: Vec<Ident> = Vec::new();
    let mut setters = TokenStream::new();
    let mut options = TokenStream::new();
    for (position, argument) in arguments.iter().enumerate() {
        let Some(name) = keyword(argument) else {
            if let Some(before) = seen.last() {
                let span = argument.first().map_or(before.span(), TokenTree::span);
                errors.push(span, format!("positional argument after keyword argument `{before}`"));
            }
            // After that mistake too, so that it is not reported as missing.
            let value = value(argument, errors);
            let setter = Ident::new(&format!("__{position}"), at);
            setters.extend(quote_spanned!(at=> .#setter(#value)));
            continue;
        };
        if seen.contains(&name) {
            errors.push(name.span(), format!("argument `{name}` is given twice to task `{callee}`"));
            continue;
        }
        let given = &argument[2..];
        if name == "upstream_tasks" || name == "task_args" {
            options.extend(call_option(&name, given, errors));
        } else {
            let value = value(given, errors);
            // The dot too: with the span of the call the compiler would underline the whole `flow!`.
            setters.extend(quote_spanned!(name.span()=> .#name(#value)));
        }
        seen.push(name);
    }
    let made = quote_spanned!(at=> #path::__kw() #setters .__call());
    match kind {
        Calls::Once => quote_spanned!(at=> #made #options),
        Calls::Each => quote_spanned!(at=> #path::__mapped(#made) #options),
    }
}

/// How often a call runs its task.
#[derive(Clone, Copy)]
enum Calls {
    Once,
    /// For each element of its arguments.
    Each,
}

/// The path of the task, and whether its `map` is called: a task cannot be called so.
fn split_map(mut path: Vec<TokenTree>) -> (Vec<TokenTree>, bool) {
    let [.., colon, map] = &path[..] else { return (path, false) };
    let is_map = matches!(map, TokenTree::Ident(map) if map == "map") && is_punct(Some(colon), ':');
    if is_map {
        path.truncate(path.len() - 3);
    }
    (path, is_map)
}

/// `upstream_tasks = [a, b]` and `task_args = options()..`: methods of the node.
fn call_option(name: &Ident, value: &[TokenTree], errors: &mut Errors) -> TokenStream {
    let at = name.span();
    if name == "task_args" {
        let value = rewritten(value, errors);
        return quote_spanned!(at=> .with(#value));
    }
    let Some(list) = list(value) else {
        errors.push(at, "expected a list: `upstream_tasks = [a, b]`");
        return TokenStream::new();
    };
    // Each by itself: they may be of different types.
    let each = split_commas(list.stream()).into_iter().map(|node| {
        let value = rewritten(&node, errors);
        quote_spanned!(at=> .after(#value))
    });
    each.collect()
}

#[cfg(test)]
mod tests;
