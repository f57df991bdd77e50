//! The function that an attribute stands on.
use proc_macro2::{Ident, TokenStream, TokenTree};
use quote::{ToTokens, quote};
use syn::ext::IdentExt;
use syn::parse::{Parse, ParseStream};
use syn::{Attribute, FnArg, Signature, Visibility, braced};

use crate::errors::Errors;

/// A function whose body stays raw tokens, so that a half-typed body does not stop the macro.
#[derive(Clone)]
pub(crate) struct Function {
    pub(crate) attrs: Vec<Attribute>,
    pub(crate) vis: Visibility,
    pub(crate) sig: Signature,
    brace: syn::token::Brace,
    body: TokenStream,
}

impl Parse for Function {
    fn parse(input: ParseStream<'_>) -> syn::Result<Self> {
        let body;
        Ok(Self {
            attrs: input.call(Attribute::parse_outer)?,
            vis: input.parse()?,
            sig: input.parse()?,
            brace: braced!(body in input),
            body: body.parse()?,
        })
    }
}

/// Attributes, by the items they belong on.
pub(crate) struct Attributes {
    /// On every item.
    pub(crate) cfg: TokenStream,
    /// On the function that people call: documentation, lints.
    pub(crate) outer: TokenStream,
    /// On the function with the body: lints, and whatever changes a body (`#[tracing::instrument]`).
    pub(crate) inner: TokenStream,
}

impl Function {
    /// The function, or what is left of an item that is none.
    pub(crate) fn parse_item(attribute: &str, item: &TokenStream) -> Result<Self, TokenStream> {
        let is_function = item.clone().into_iter().any(|token| matches!(&token, TokenTree::Ident(i) if i == "fn"));
        syn::parse2(item.clone()).map_err(|error| {
            let mut errors = Errors::default();
            if is_function {
                errors.add(error);
            } else {
                errors.push(name_of(item).span(), format!("`{attribute}` stands on functions only"));
            }
            let report = errors.report();
            quote!(#item #report)
        })
    }

    pub(crate) fn attributes(&self) -> Attributes {
        let mut attributes =
            Attributes { cfg: TokenStream::new(), outer: TokenStream::new(), inner: TokenStream::new() };
        for attribute in &self.attrs {
            let is = |names: &[&str]| names.iter().any(|name| attribute.path().is_ident(name));
            if is(&["cfg"]) {
                attribute.to_tokens(&mut attributes.cfg);
            } else if is(&["doc", "deprecated"]) {
                attribute.to_tokens(&mut attributes.outer);
            } else if is(&["allow", "warn", "deny", "forbid"]) {
                attribute.to_tokens(&mut attributes.outer);
                attribute.to_tokens(&mut attributes.inner);
            } else {
                attribute.to_tokens(&mut attributes.inner);
            }
        }
        attributes
    }

    /// The body in its braces, after a change.
    pub(crate) fn body(&self, change: impl FnOnce(TokenStream) -> TokenStream) -> TokenStream {
        let mut out = TokenStream::new();
        let body = change(self.body.clone());
        self.brace.surround(&mut out, |inside| inside.extend(body));
        out
    }

    /// The function with and without each parameter that has a `#[cfg]`, under that `#[cfg]` and its contrary.
    ///
    /// The compiler leaves the `#[cfg]` of a parameter to the macro, and a macro cannot know what is configured.
    pub(crate) fn configurations(self) -> Vec<Self> {
        let configured = |input: &FnArg| match input {
            FnArg::Typed(input) => input.attrs.iter().position(|a| a.path().is_ident("cfg")),
            FnArg::Receiver(_) => None,
        };
        let Some((i, at)) = self.sig.inputs.iter().enumerate().find_map(|(i, input)| Some((i, configured(input)?)))
        else {
            return vec![self];
        };
        let (mut with, mut without) = (self.clone(), self);
        let FnArg::Typed(input) = &mut with.sig.inputs[i] else { return vec![without] };
        let attribute = input.attrs.remove(at);
        let Ok(condition) = attribute.parse_args::<TokenStream>() else { return vec![with] };
        without.sig.inputs =
            without.sig.inputs.into_iter().enumerate().filter(|(j, _)| *j != i).map(|(_, p)| p).collect();
        without.attrs.push(syn::parse_quote!(#[cfg(not(#condition))]));
        with.attrs.push(attribute);
        [with, without].into_iter().flat_map(Self::configurations).collect()
    }
}

/// The name of an item, for want of that its first token.
fn name_of(item: &TokenStream) -> TokenTree {
    const KINDS: &[&str] =
        &["struct", "enum", "union", "trait", "mod", "const", "static", "type", "impl", "macro_rules"];
    let mut tokens = item.clone().into_iter().skip_while(|token| !matches!(token, TokenTree::Ident(_))).peekable();
    let first = tokens.peek().cloned();
    let mut after = tokens.skip_while(|token| !matches!(token, TokenTree::Ident(i) if KINDS.iter().any(|k| i == k)));
    let kind = after.next();
    match after.next() {
        Some(token @ TokenTree::Ident(_)) => token,
        _ => kind.or(first).unwrap_or_else(|| Ident::new("item", proc_macro2::Span::call_site()).into()),
    }
}

/// Names that the companion type of a function would hide.
const PRIMITIVES: &[&str] = &[
    "str", "bool", "char", "u8", "u16", "u32", "u64", "u128", "usize", "i8", "i16", "i32", "i64", "i128", "isize",
    "f32", "f64",
];

pub(crate) fn check_name(what: &str, ident: &Ident, errors: &mut Errors) {
    let name = ident.unraw().to_string();
    if PRIMITIVES.contains(&name.as_str()) {
        errors.spanned(ident, format!("a {what} cannot be called `{name}`: its type would hide the primitive type"));
    }
    if name == "map" {
        errors.spanned(ident, format!("a {what} cannot be called `map`: `x::map(..)` is the mapped call of `x`"));
    }
}
