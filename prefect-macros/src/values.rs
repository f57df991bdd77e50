//! What the values of options become: calls of the methods of the same names.
use std::collections::BTreeSet;

use proc_macro2::{Delimiter, Group, Ident, TokenStream, TokenTree};
use quote::{ToTokens, quote, quote_spanned};
use syn::spanned::Spanned;
use syn::{LitStr, Type};

use crate::errors::Errors;
use crate::hints;
use crate::keywords::{self, ClosureKind, closure, keyword, list, split_commas, ungrouped};
use crate::options::{Given, Options, Takes};
use crate::spans::path_at;

/// Whether the literals of a list are texts, each once. What is no literal is the compiler's business.
fn texts(option: &Ident, list: &Group, errors: &mut Errors) -> bool {
    let mut is_fine = true;
    let mut seen = BTreeSet::new();
    for item in split_commas(list.stream()) {
        let item = ungrouped(item);
        let [TokenTree::Literal(literal)] = &item[..] else { continue };
        let wrong = match text(&item) {
            None => format!("`{option}` is a list of texts, in quotes"),
            Some(text) if text.value().is_empty() => format!("`{option}` has an empty text"),
            Some(text) if !seen.insert(text.value()) => format!("`{option}` has {} twice", text.token()),
            Some(_) => continue,
        };
        is_fine = false;
        errors.push(literal.span(), wrong);
    }
    is_fine
}

/// The names of the run context that a template may hold.
const CONTEXT: &[&str] = &[
    "date",
    "today",
    "yesterday",
    "tomorrow",
    "today_nodash",
    "yesterday_nodash",
    "tomorrow_nodash",
    "flow_name",
    "flow_run_id",
    "task_name",
    "task_full_name",
    "task_slug",
    "map_index",
    "task_run_count",
];

impl Options {
    /// The name: what was given, else the function's.
    pub(crate) fn name(&self, ident: &Ident, errors: &mut Errors) -> TokenStream {
        let own = syn::ext::IdentExt::unraw(ident).to_string().into_token_stream();
        self.get("name").map_or(own, |given| name_value(&given.value, given.key.span(), errors))
    }

    /// `.max_retries(3).state_handler(..)`: a call for each option. `parameters` are the names for templates, if they are
    /// known.
    pub(crate) fn calls(&self, parameters: Option<&[String]>, errors: &mut Errors) -> TokenStream {
        self.given.iter().map(|given| self.call(given, parameters, errors)).collect()
    }

    fn call(&self, given: &Given, parameters: Option<&[String]>, errors: &mut Errors) -> TokenStream {
        let place = first_span(given);
        let krate = &path_at(&self.krate, place);
        let method = Ident::new(given.spec.key, given.key.span());
        let value = match given.spec.takes {
            Takes::Name | Takes::Path => return TokenStream::new(),
            Takes::Switch | Takes::Flag => {
                let Some(flag) = given.flag() else {
                    let text = format!("`{method}` takes `true` or `false`, literally");
                    errors.push(place, text);
                    return TokenStream::new();
                };
                if given.spec.takes == Takes::Switch {
                    return TokenStream::new();
                }
                flag.to_token_stream()
            }
            Takes::Handlers => return self.handlers(given, errors),
            Takes::OnFailure => {
                if let Some(group) = list(&given.value) {
                    errors.push(group.span(), format!("expected one function: `{method} = tell_somebody`"));
                    return TokenStream::new();
                }
                let function = rewritten(&given.value, errors);
                let on_failure = quote_spanned!(place=> #krate::__private::on_failure(#function));
                return quote_spanned!(given.key.span()=> .state_handler(#on_failure));
            }
            Takes::Number | Takes::Function => rewritten(&given.value, errors),
            Takes::Text => {
                if let [TokenTree::Literal(literal)] = &given.value[..]
                    && text(&given.value).is_none()
                {
                    errors.push(literal.span(), format!("`{method}` is a text, in quotes"));
                    return TokenStream::new();
                }
                rewritten(&given.value, errors)
            }
            Takes::CacheValidator => {
                // A closure's parameter gets its type where the closure is taken.
                let take = match closure(&given.value) {
                    Some(_) => quote_spanned!(place=> CacheValidator::when),
                    None => quote_spanned!(place=> cache_validator),
                };
                let validator = rewritten(&given.value, errors);
                quote_spanned!(place=> #krate::__private::#take(#validator))
            }
            Takes::Results => {
                let result = rewritten(&given.value, errors);
                quote_spanned!(place=> #krate::__private::task_result(#result))
            }
            Takes::RecordStart => match &given.value[..] {
                [TokenTree::Ident(case)] if case.to_string().starts_with(char::is_uppercase) => {
                    let krate = path_at(&self.krate, case.span());
                    quote_spanned!(case.span()=> #krate::RecordStart::#case)
                }
                value => rewritten(value, errors),
            },
            Takes::Time => {
                let time = rewritten(&time(krate, &given.value), errors);
                quote_spanned!(place=> #krate::__private::IntoDuration::into_duration(#time))
            }
            Takes::Delay => {
                let delay = rewritten(&delay(krate, &given.value), errors);
                quote_spanned!(place=> #krate::__private::IntoRetryDelay::into_retry_delay(#delay))
            }
            Takes::ErrorTypes => match self.retry_on(given, errors) {
                Some(value) => value,
                None => return TokenStream::new(),
            },
            Takes::Trigger => {
                let trigger = self.trigger(given, errors);
                quote_spanned!(place=> #krate::__private::erase_trigger(#trigger))
            }
            Takes::Texts => {
                if let Some(text) = text(&given.value) {
                    errors.push(text.span(), format!("expected a list: `{method} = [{}]`", text.token()));
                    return TokenStream::new();
                }
                if let Some(group) = list(&given.value)
                    && (group.stream().is_empty() || !texts(&method, &group, errors))
                {
                    return TokenStream::new();
                }
                rewritten(&given.value, errors)
            }
            Takes::Template => {
                if let Some(text) = text(&given.value) {
                    template(&text, parameters, errors);
                }
                let template = rewritten(&given.value, errors);
                quote_spanned!(place=> #krate::__private::Template::new(#template))
            }
        };
        quote_spanned!(given.key.span()=> .#method(#value))
    }

    /// `[a, |_, _, new| new]`. A closure literal goes through a function that gives its parameters their types.
    fn handlers(&self, given: &Given, errors: &mut Errors) -> TokenStream {
        let items = if let Some(group) = list(&given.value) {
            split_commas(group.stream())
        } else {
            errors.push(first_span(given), format!("expected a list: `{} = [slack_notifier]`", given.key));
            // Taken for a list of one, so that what it names is not reported as unused.
            vec![given.value.clone()]
        };
        let calls = items.into_iter().map(|item| {
            let item = ungrouped(item);
            let place = item.iter().cloned().collect::<TokenStream>().span();
            let krate = path_at(&self.krate, place);
            let boxed = Ident::new(
                match closure(&item) {
                    Some(ClosureKind::Sync) => "closure",
                    Some(ClosureKind::Async) => "async_closure",
                    None => "boxed",
                },
                place,
            );
            let item = rewritten(&item, errors);
            let boxed = quote_spanned!(place=> #krate::__private::#boxed(#item));
            quote_spanned!(given.key.span()=> .state_handler(#boxed))
        });
        calls.collect()
    }

    fn retry_on(&self, given: &Given, errors: &mut Errors) -> Option<TokenStream> {
        let expected =
            |name: &str| format!("expected a list of error types, or a predicate: `{name} = [std::io::Error]`");
        let Some(group) = list(&given.value) else {
            // Types are written in a list; a lone path is a function's.
            if let Ok(path) = syn::parse2::<syn::Path>(given.tokens())
                && path.segments.last().is_some_and(|s| s.ident.to_string().starts_with(char::is_uppercase))
            {
                errors.push(path.span(), expected(given.spec.key));
                return None;
            }
            let predicate = rewritten(&given.value, errors);
            let krate = path_at(&self.krate, first_span(given));
            return Some(quote_spanned!(first_span(given)=> #krate::__private::RetryOn::when(#predicate)));
        };
        let mut value = TokenStream::new();
        for item in split_commas(group.stream()) {
            let place = item.first().map_or(group.span(), TokenTree::span);
            match syn::parse2::<Type>(item.into_iter().collect()) {
                Ok(ty) if value.is_empty() => {
                    let krate = path_at(&self.krate, ty.span());
                    value = quote_spanned!(ty.span()=> #krate::__private::RetryOn::error::<#ty>());
                }
                Ok(ty) => value.extend(quote_spanned!(ty.span()=> .or::<#ty>())),
                Err(_) => {
                    errors.push(place, expected(given.spec.key));
                    return None;
                }
            }
        }
        if value.is_empty() {
            errors.push(group.span(), expected(given.spec.key));
            return None;
        }
        Some(value)
    }

    /// The trigger, with what it says about the inputs.
    pub(crate) fn trigger(&self, given: &Given, errors: &mut Errors) -> TokenStream {
        let place = first_span(given);
        let krate = path_at(&self.krate, place);
        let trigger = rewritten(&given.value, errors);
        quote_spanned!(place=> #krate::__private::into_trigger(#trigger))
    }
}

/// The name of a task or a flow.
pub(crate) fn name_value(value: &[TokenTree], at: proc_macro2::Span, errors: &mut Errors) -> TokenStream {
    match value {
        _ if text(value).is_some_and(|text| text.value().is_empty()) => {
            errors.push(value.first().map_or(at, TokenTree::span), "the name is empty");
            quote!("unnamed")
        }
        [TokenTree::Literal(literal)] if text(value).is_none() => {
            errors.push(literal.span(), "the name is a text, in quotes");
            quote!("unnamed")
        }
        _ => rewritten(value, errors),
    }
}

fn first_span(given: &Given) -> proc_macro2::Span {
    given.tokens().span()
}

fn rewritten(tokens: &[TokenTree], errors: &mut Errors) -> TokenStream {
    keywords::rewrite(tokens.iter().cloned().collect(), errors)
}

fn text(tokens: &[TokenTree]) -> Option<LitStr> {
    syn::parse2(tokens.iter().cloned().collect()).ok()
}

/// A text is read where it is compiled: a bad one is an error at its place. A constant with a name, because only those
/// are always evaluated.
fn time(krate: &TokenStream, value: &[TokenTree]) -> Vec<TokenTree> {
    let Some(text) = text(value) else { return value.to_vec() };
    let krate = path_at(krate, text.span());
    let checked = quote_spanned! {text.span()=> {
        const __TIME: ::core::time::Duration = #krate::__private::duration(#text);
        __TIME
    }};
    checked.into_iter().collect()
}

/// A time, or a call whose arguments are times.
fn delay(krate: &TokenStream, value: &[TokenTree]) -> Vec<TokenTree> {
    let value = ungrouped(value.to_vec());
    let Some((TokenTree::Group(group), callee)) = value.split_last() else { return time(krate, &value) };
    if group.delimiter() != Delimiter::Parenthesis || callee.is_empty() {
        return value;
    }
    let mut arguments = TokenStream::new();
    for argument in split_commas(group.stream()) {
        let (name, rest) = argument.split_at(if keyword(&argument).is_some() { 2 } else { 0 });
        arguments.extend(name.iter().cloned());
        arguments.extend(time(krate, rest));
        arguments.extend(quote_spanned!(group.span()=> ,));
    }
    let mut group = Group::new(Delimiter::Parenthesis, arguments);
    group.set_span(value[value.len() - 1].span());
    callee.iter().cloned().chain([group.into()]).collect()
}

/// Checks the names in braces.
fn template(text: &LitStr, parameters: Option<&[String]>, errors: &mut Errors) {
    let value = text.value();
    let mut rest = value.as_str();
    while let Some(at) = rest.find(['{', '}']) {
        let (brace, after) = rest[at..].split_at(1);
        if let Some(after) = after.strip_prefix(brace) {
            rest = after;
            continue;
        }
        let Some(end) = after.find('}').filter(|_| brace == "{") else {
            return errors
                .push(text.span(), format!("unmatched `{brace}`: a brace itself is written `{brace}{brace}`"));
        };
        let name = &after[..end];
        let Some(parameters) = parameters else { return };
        let known = || parameters.iter().map(String::as_str).chain(CONTEXT.iter().copied());
        if !known().any(|known| known == name) {
            let hint = match hints::closest(name, known()) {
                Some(meant) => format!("did you mean `{meant}`?"),
                None => format!("expected a parameter of the task, or one of {}", CONTEXT.join(", ")),
            };
            errors.push(text.span(), format!("unknown name `{name}` in braces: {hint}"));
        }
        rest = &after[end + 1..];
    }
}
