//! The macros of the crate `prefect`.
use proc_macro::TokenStream;

/// Placeholder.
#[proc_macro_attribute]
pub fn task(_args: TokenStream, item: TokenStream) -> TokenStream {
    item
}

/// Placeholder.
#[proc_macro]
pub fn flow(input: TokenStream) -> TokenStream {
    input
}
