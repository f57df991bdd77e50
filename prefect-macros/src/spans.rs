//! Where the compiler is to point.
use proc_macro2::{Group, Span, TokenStream, TokenTree};

/// The place of the user's token, with names as they are where the macro is called: a token out of another macro has
/// other local names.
pub(crate) fn at(place: Span) -> Span {
    Span::call_site().located_at(place)
}

/// A path of ours, at the place of the user's token. If one token of an expression has the place of the whole macro call,
/// the compiler underlines all of it.
pub(crate) fn path_at(path: &TokenStream, place: Span) -> TokenStream {
    let moved = path.clone().into_iter().map(|mut token| {
        if let TokenTree::Group(group) = &token {
            token = Group::new(group.delimiter(), path_at(&group.stream(), place)).into();
        }
        token.set_span(token.span().located_at(place));
        token
    });
    moved.collect()
}
