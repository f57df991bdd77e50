//! The statement `let (a, b) = value;`, which takes the result of a task apart.
use proc_macro2::{Delimiter, Group, Spacing, TokenStream, TokenTree};
use quote::quote_spanned;

use super::split::{is_punct, is_word, split_commas};
use crate::spans::path_at;

/// If `let (a, mut b, _) = value;` starts at `i`: where its semicolon is.
///
/// Names only, so that the pattern always fits. Some values are left alone: those that borrow from what they make, which
/// would not live on after a call; a tuple in parentheses, which is no result of a task; and those that never come to an
/// end, which have no type that a call could take.
pub(super) fn end_of_value(tokens: &[TokenTree], i: usize) -> Option<usize> {
    let before = i.checked_sub(1).map(|i| &tokens[i]);
    let condition = is_word(before, &["if", "while"]) || is_punct(before, '&') || is_punct(before, '|');
    let [let_, TokenTree::Group(pattern), TokenTree::Punct(eq), ..] = &tokens[i..] else { return None };
    if !is_word(Some(let_), &["let"]) || condition || !is_names(pattern) {
        return None;
    }
    if eq.as_char() != '=' || eq.spacing() != Spacing::Alone {
        return None;
    }
    let end = i + 3 + tokens[i + 3..].iter().position(|token| is_punct(Some(token), ';'))?;
    let value = &tokens[i + 3..end];
    let borrows = is_punct(value.first(), '&');
    let is_tuple = matches!(value, [TokenTree::Group(group)] if group.delimiter() == Delimiter::Parenthesis);
    let never_ends = is_word(value.first(), &["return", "break", "continue"])
        || is_word(value.first(), &["todo", "unimplemented", "unreachable", "panic"]) && is_punct(value.get(1), '!');
    // `let (a, b) = value else { .. };`
    let has = |word| value.iter().any(|token| is_word(Some(token), &[word]));
    let is_else = has("else") && !has("if");
    (!value.is_empty() && !borrows && !is_tuple && !never_ends && !is_else).then_some(end)
}

fn is_names(pattern: &Group) -> bool {
    let names = split_commas(pattern.stream());
    let is_name = |name: &Vec<TokenTree>| match name.as_slice() {
        [TokenTree::Ident(_)] => true,
        [word, TokenTree::Ident(_)] => is_word(Some(word), &["mut"]),
        _ => false,
    };
    pattern.delimiter() == Delimiter::Parenthesis && names.len() > 1 && names.iter().all(is_name)
}

/// `= unpack(value)`
pub(super) fn unpacked(krate: &TokenStream, eq: &TokenTree, value: TokenStream) -> TokenStream {
    let at = eq.span();
    let krate = path_at(krate, at);
    let mut value = Group::new(Delimiter::Parenthesis, value);
    value.set_span(at);
    quote_spanned!(at=> #eq #krate::__private::unpack #value)
}
