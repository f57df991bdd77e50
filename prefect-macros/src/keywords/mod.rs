//! Rewrites calls with keywords, token by token, and changes nothing else:
//! - `path(a = 1, b = 2)` into `path::__kw().a(1).b(2).__call()`,
//! - in the body of a flow, `path::map(a = xs)` into `mapped(path::__kw().a(each(xs)).__call())`,
//! - `path(.., upstream_tasks = [u], task_args = o)` into `path(..).after(u).with(o)`,
//! - in the body of a flow, `let (a, b) = value;` into `let (a, b) = unpack(value);`, which takes the result of a task
//!   apart and leaves other values as they are.
//!
//! Nothing is parsed: half-typed code comes out half-typed, with the user's spans, for the compiler and for
//! rust-analyzer to judge.
mod split;
mod unpack;

use proc_macro2::{Delimiter, Group, Ident, TokenStream, TokenTree};
use quote::{ToTokens, quote_spanned};

use crate::errors::Errors;
use crate::spans::path_at;
pub(crate) use split::{ClosureKind, closure, is_punct, keyword, list, split_commas, ungrouped};
use split::{last_name, path_start};

/// Words in a call that are never arguments.
pub(crate) const RESERVED: &[&str] = &["upstream_tasks", "task_args", "mapped"];

/// Rewrites the calls in the value of an option.
pub(crate) fn rewrite(input: TokenStream, errors: &mut Errors) -> TokenStream {
    Rewrite { krate: None, errors }.all(input)
}

/// Rewrites the body of a flow.
pub(crate) fn rewrite_body(krate: &TokenStream, input: TokenStream, errors: &mut Errors) -> TokenStream {
    Rewrite { krate: Some(krate), errors }.all(input)
}

struct Rewrite<'a> {
    /// The path of the library, in the body of a flow.
    krate: Option<&'a TokenStream>,
    errors: &'a mut Errors,
}

impl Rewrite<'_> {
    fn all(&mut self, input: TokenStream) -> TokenStream {
        let tokens: Vec<TokenTree> = input.into_iter().collect();
        let mut out: Vec<TokenTree> = Vec::new();
        let mut i = 0;
        while let Some(token) = tokens.get(i) {
            if let Some(krate) = self.krate
                && let Some(end) = unpack::end_of_value(&tokens, i)
            {
                out.extend(tokens[i..i + 2].iter().cloned());
                let value = self.some(&tokens[i + 3..end]);
                out.extend(unpack::unpacked(krate, &tokens[i + 2], value));
                i = end;
                continue;
            }
            i += 1;
            match token {
                TokenTree::Group(group) if !is_attribute(&tokens[..i - 1]) => {
                    let before = i.checked_sub(2).map(|i| &tokens[i]);
                    self.group(group, before, &mut out);
                }
                _ => out.push(token.clone()),
            }
        }
        out.into_iter().collect()
    }

    fn some(&mut self, tokens: &[TokenTree]) -> TokenStream {
        self.all(tokens.iter().cloned().collect())
    }

    fn group(&mut self, group: &Group, before: Option<&TokenTree>, out: &mut Vec<TokenTree>) {
        // In `vec![add(x = 1)]` the inner call is one; the `x = 1` of `println!("{x}", x = 1)` is no keyword.
        if group.delimiter() == Delimiter::Parenthesis && !is_punct(before, '!') {
            let arguments = split_commas(group.stream());
            if arguments.iter().any(|argument| keyword(argument).is_some()) {
                let start = path_start(out);
                if let Some(callee) = last_name(&out[start..]) {
                    let path = out.split_off(start);
                    out.extend(if is_punct(out.last(), '.') {
                        self.method(&path, &callee, group, &arguments)
                    } else {
                        self.call(path, &callee, &arguments)
                    });
                    return;
                }
            }
        }
        let mut inner = Group::new(group.delimiter(), self.all(group.stream()));
        inner.set_span(group.span());
        out.push(inner.into());
    }

    /// Methods have no keywords. The values go in by position, so that nothing else is said about the call.
    fn method(
        &mut self,
        path: &[TokenTree],
        callee: &Ident,
        group: &Group,
        arguments: &[Vec<TokenTree>],
    ) -> TokenStream {
        self.errors.push(callee.span(), "keyword arguments can be given to tasks only, not to methods");
        let mut values = TokenStream::new();
        for argument in arguments {
            let value = if keyword(argument).is_some() { &argument[2..] } else { &argument[..] };
            values.extend(self.some(value));
            values.extend(quote_spanned!(callee.span()=> ,));
        }
        let mut values = Group::new(Delimiter::Parenthesis, values);
        values.set_span(group.span());
        let mut out: TokenStream = path.iter().cloned().collect();
        values.to_tokens(&mut out);
        out
    }

    fn call(&mut self, path: Vec<TokenTree>, callee: &Ident, arguments: &[Vec<TokenTree>]) -> TokenStream {
        let at = callee.span();
        let (path, map) = split_map(ungrouped(path), self.krate);
        let task = last_name(&path).unwrap_or_else(|| callee.clone());
        let path: TokenStream = path.into_iter().collect();
        let each = |value: TokenStream| match map {
            None => value,
            Some(krate) => {
                let at = value.clone().into_iter().next().map_or(at, |token| token.span());
                let krate = path_at(krate, at);
                quote_spanned!(at=> #krate::__private::each(#value))
            }
        };
        let mut seen: Vec<Ident> = Vec::new();
        let mut setters = TokenStream::new();
        let mut options = TokenStream::new();
        for (position, argument) in arguments.iter().enumerate() {
            let Some(name) = keyword(argument) else {
                if let Some(before) = seen.last() {
                    let span = argument.first().map_or(before.span(), TokenTree::span);
                    self.errors.push(span, format!("positional argument after keyword argument `{before}`"));
                }
                // After that mistake too, so that it is not reported as missing.
                let value = each(self.some(argument));
                let setter = Ident::new(&format!("__{position}"), at);
                setters.extend(quote_spanned!(at=> .#setter(#value)));
                continue;
            };
            if seen.contains(&name) {
                self.errors.push(name.span(), format!("argument `{name}` is given twice to task `{task}`"));
                continue;
            }
            let given = &argument[2..];
            if name == "upstream_tasks" || name == "task_args" {
                options.extend(self.call_option(&name, given));
            } else {
                let value = each(self.some(given));
                // The dot too: with the span of the call the compiler would underline the whole `flow!`.
                setters.extend(quote_spanned!(name.span()=> .#name(#value)));
            }
            seen.push(name);
        }
        let made = quote_spanned!(at=> #path::__kw() #setters .__call());
        match map {
            None => quote_spanned!(at=> #made #options),
            Some(krate) => {
                let krate = path_at(krate, at);
                quote_spanned!(at=> #krate::__private::mapped(#made) #options)
            }
        }
    }

    /// `upstream_tasks = [a, b]` and `task_args = options()..`: methods of the node.
    fn call_option(&mut self, name: &Ident, value: &[TokenTree]) -> TokenStream {
        let at = name.span();
        if name == "task_args" {
            let value = self.some(value);
            return quote_spanned!(at=> .with(#value));
        }
        let Some(list) = list(value) else {
            self.errors.push(at, "expected a list: `upstream_tasks = [a, b]`");
            return TokenStream::new();
        };
        // Each by itself: they may be of different types.
        let each = split_commas(list.stream()).into_iter().map(|node| {
            let value = self.some(&node);
            quote_spanned!(at=> .after(#value))
        });
        each.collect()
    }
}

/// Whether a group after these tokens is an attribute's: `#[..]` or `#![..]`.
fn is_attribute(before: &[TokenTree]) -> bool {
    match before {
        [.., sharp, bang] if is_punct(Some(bang), '!') => is_punct(Some(sharp), '#'),
        [.., sharp] => is_punct(Some(sharp), '#'),
        [] => false,
    }
}

/// The path of the task, and the library's if it is the task's `map` that is called: a task cannot be called so.
fn split_map(mut path: Vec<TokenTree>, krate: Option<&TokenStream>) -> (Vec<TokenTree>, Option<&TokenStream>) {
    let is_map = match &path[..] {
        [.., colon, TokenTree::Ident(map)] => map == "map" && is_punct(Some(colon), ':'),
        _ => false,
    };
    let Some(krate) = krate.filter(|_| is_map) else { return (path, None) };
    path.truncate(path.len() - 3);
    (path, Some(krate))
}

#[cfg(test)]
mod tests;
