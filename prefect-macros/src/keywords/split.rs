//! Looking at tokens: where arguments end, what is a keyword, where a path starts.
use proc_macro2::{Delimiter, Group, Ident, Spacing, TokenStream, TokenTree};

pub(crate) fn is_punct(token: Option<&TokenTree>, c: char) -> bool {
    matches!(token, Some(TokenTree::Punct(p)) if p.as_char() == c)
}

pub(super) fn is_word(token: Option<&TokenTree>, words: &[&str]) -> bool {
    matches!(token, Some(TokenTree::Ident(ident)) if words.iter().any(|word| ident == word))
}

/// What a macro fragment (`$x:expr`) holds: the compiler puts an invisible group around it.
pub(crate) fn ungrouped(tokens: Vec<TokenTree>) -> Vec<TokenTree> {
    match tokens.as_slice() {
        [TokenTree::Group(group)] if group.delimiter() == Delimiter::None => {
            ungrouped(group.stream().into_iter().collect())
        }
        _ => tokens,
    }
}

/// `[a, b]`, and nothing beside it.
pub(crate) fn list(tokens: &[TokenTree]) -> Option<Group> {
    match ungrouped(tokens.to_vec()).as_slice() {
        [TokenTree::Group(group)] if group.delimiter() == Delimiter::Bracket => Some(group.clone()),
        _ => None,
    }
}

/// The name of `name = value`, but neither of `name == value` nor of `name => value`.
pub(crate) fn keyword(argument: &[TokenTree]) -> Option<Ident> {
    match argument {
        [TokenTree::Ident(name), TokenTree::Punct(eq), ..] if eq.as_char() == '=' && eq.spacing() == Spacing::Alone => {
            Some(name.clone())
        }
        _ => None,
    }
}

/// Splits at the commas between arguments: not at those of `::<A, B>`, nor at those of the parameters and the return type
/// of a closure.
pub(crate) fn split_commas(stream: TokenStream) -> Vec<Vec<TokenTree>> {
    let mut tokens = stream.into_iter().peekable();
    let mut arguments: Vec<Vec<TokenTree>> = Vec::new();
    let mut argument: Vec<TokenTree> = Vec::new();
    while let Some(token) = tokens.next() {
        if is_punct(Some(&token), ',') {
            arguments.push(std::mem::take(&mut argument));
        } else if is_punct(Some(&token), '|') && starts_expression(argument.last()) {
            argument.push(token);
            for token in tokens.by_ref() {
                let closes = is_punct(Some(&token), '|');
                argument.push(token);
                if closes {
                    break;
                }
            }
            if is_punct(tokens.peek(), '-') {
                let body = |t: &TokenTree| matches!(t, TokenTree::Group(g) if g.delimiter() == Delimiter::Brace);
                argument.extend(std::iter::from_fn(|| tokens.next_if(|token| !body(token))));
            }
        } else if is_punct(Some(&token), '<') && ends_with_colons(&argument) {
            argument.push(token);
            let mut depth = 1;
            while depth > 0
                && let Some(token) = tokens.next()
            {
                let arrow = is_punct(argument.last(), '-');
                depth += i32::from(is_punct(Some(&token), '<'));
                depth -= i32::from(is_punct(Some(&token), '>') && !arrow);
                argument.push(token);
            }
        } else {
            argument.push(token);
        }
    }
    if !argument.is_empty() {
        arguments.push(argument);
    }
    arguments
}

/// Whether a bar after this token is a closure's, and not an "or".
fn starts_expression(before: Option<&TokenTree>) -> bool {
    match before {
        None => true,
        Some(TokenTree::Punct(p)) => p.as_char() != '?' && p.as_char() != '>',
        Some(TokenTree::Ident(_)) => is_word(before, &["move", "async", "return", "static"]),
        Some(_) => false,
    }
}

/// Whether these tokens are a closure literal, and an async one.
pub(crate) fn closure(tokens: &[TokenTree]) -> Option<ClosureKind> {
    let asynchronous = is_word(tokens.first(), &["async"]);
    let i = usize::from(asynchronous);
    let bar = i + usize::from(is_word(tokens.get(i), &["move"]));
    let kind = if asynchronous { ClosureKind::Async } else { ClosureKind::Sync };
    is_punct(tokens.get(bar), '|').then_some(kind)
}

pub(crate) enum ClosureKind {
    Sync,
    Async,
}

/// Where the path `a::b::c`, `a::b::<T>` or `a::<T>::b` at the end of `out` starts.
pub(crate) fn path_start(out: &[TokenTree]) -> usize {
    let mut end = out.len();
    loop {
        if is_punct(out[..end].last(), '>') {
            let mut depth = 0;
            let open = out[..end].iter().rposition(|token| {
                depth += i32::from(is_punct(Some(token), '>')) - i32::from(is_punct(Some(token), '<'));
                depth == 0
            });
            match open {
                Some(i) if ends_with_colons(&out[..i]) => end = i - 2,
                _ => return out.len(),
            }
        }
        match out[..end].last() {
            Some(TokenTree::Ident(_)) if !is_word(out[..end].last(), NO_CALLEES) => end -= 1,
            // A path out of a macro fragment.
            Some(TokenTree::Group(group)) if group.delimiter() == Delimiter::None => return end - 1,
            _ => return end,
        }
        if !ends_with_colons(&out[..end]) {
            return end;
        }
        end -= 2;
        if !matches!(out[..end].last(), Some(TokenTree::Ident(_) | TokenTree::Punct(_))) {
            // `::a::b`.
            return end;
        }
    }
}

/// Words before a parenthesis that are no names of functions.
const NO_CALLEES: &[&str] = &[
    "as", "await", "break", "const", "continue", "do", "dyn", "else", "fn", "for", "if", "impl", "in", "let", "loop",
    "match", "move", "mut", "ref", "return", "static", "unsafe", "use", "where", "while", "yield",
];

/// The last name of a path, outside its type arguments.
pub(crate) fn last_name(path: &[TokenTree]) -> Option<Ident> {
    let mut depth = 0;
    let mut last = None;
    for token in path {
        depth += i32::from(is_punct(Some(token), '<')) - i32::from(is_punct(Some(token), '>'));
        match token {
            TokenTree::Ident(ident) if depth == 0 => last = Some(ident.clone()),
            TokenTree::Group(group) if group.delimiter() == Delimiter::None => {
                last = last_name(&group.stream().into_iter().collect::<Vec<_>>()).or(last);
            }
            _ => {}
        }
    }
    last
}

fn ends_with_colons(out: &[TokenTree]) -> bool {
    matches!(out, [.., a, b] if is_punct(Some(a), ':') && is_punct(Some(b), ':'))
}
