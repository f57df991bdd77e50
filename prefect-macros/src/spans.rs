//! Where the compiler is to point.
use proc_macro2::{Ident, Span, TokenStream};

/// The place of the user's token, as a part of the macro: lints pass it over.
pub(crate) fn at(place: Span) -> Span {
    Span::call_site().located_at(place)
}

/// A local name of ours. Among tokens that have the user's places: a token out of another macro has local names of its own.
pub(crate) fn local(name: &str) -> Ident {
    Ident::new(name, Span::call_site())
}

/// A path of ours, at the place of the user's token. If one token of an expression has the place of the whole macro call,
/// the compiler underlines all of it.
pub(crate) fn path_at(path: &TokenStream, place: Span) -> TokenStream {
    let moved = path.clone().into_iter().map(|mut token| {
        // What `$crate` means is written in its span.
        let means_more = token.to_string() == "$crate";
        token.set_span(if means_more { token.span().located_at(place) } else { place });
        token
    });
    moved.collect()
}
