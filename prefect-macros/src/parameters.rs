//! The parameters of a task or a flow.
use proc_macro2::{Ident, Span, TokenStream, TokenTree};
use quote::{ToTokens, quote_spanned};
use syn::ext::IdentExt;
use syn::spanned::Spanned;
use syn::{Attribute, FnArg, GenericArgument, Meta, Pat, PatType, PathArguments, Signature, Type};

use crate::errors::Errors;
use crate::keywords::{RESERVED, is_punct};
use crate::spans::path_at;

pub(crate) struct Param {
    pub(crate) name: Ident,
    /// As written.
    pub(crate) ty: Type,
    pub(crate) kind: ParamKind,
    /// The type that flows through the graph.
    pub(crate) value: TokenStream,
    pub(crate) default: Option<TokenStream>,
    /// The lines of its documentation, each an expression.
    pub(crate) doc: Vec<TokenStream>,
    /// Takes plain values only.
    pub(crate) constant: bool,
    /// The type is a bare type parameter.
    pub(crate) generic: bool,
}

#[derive(Clone, Copy, PartialEq)]
pub(crate) enum ParamKind {
    Owned,
    Reference,
    /// Comes from the flow, not from the caller.
    Shared,
}

impl Param {
    /// The name without `r#`.
    pub(crate) fn text(&self) -> String {
        self.name.unraw().to_string()
    }

    pub(crate) fn is_input(&self) -> bool {
        self.kind != ParamKind::Shared
    }
}

/// What a parameter list says.
#[derive(Default)]
pub(crate) struct Params {
    pub(crate) list: Vec<Param>,
    /// How many positional arguments a call has, with those parameters that are no good.
    pub(crate) broken: Vec<Ident>,
    pub(crate) has_self: bool,
}

/// The attributes of a parameter that are ours.
#[derive(Default)]
struct Marks {
    default: Option<TokenStream>,
    constant: Option<Span>,
    shared: Option<Span>,
    doc: Vec<TokenStream>,
}

/// Reads the parameters, and takes our attributes off them.
pub(crate) fn params(what: &str, krate: &TokenStream, sig: &mut Signature, errors: &mut Errors) -> Params {
    let generics: Vec<Ident> = sig.generics.type_params().map(|t| t.ident.clone()).collect();
    let mut out = Params::default();
    for input in &mut sig.inputs {
        match input {
            FnArg::Receiver(receiver) => {
                errors.spanned(&*receiver, format!("a {what} cannot take `self`"));
                out.has_self = true;
            }
            FnArg::Typed(input) => {
                let marks = marks(&mut input.attrs, errors);
                let name = match &*input.pat {
                    Pat::Ident(name) if name.by_ref.is_none() && name.subpat.is_none() => Ok(name.ident.clone()),
                    pattern => {
                        let text = format!("a {what} parameter must be a plain name: callers pass it by keyword");
                        errors.spanned(pattern, text);
                        Err(Ident::new(&format!("argument_{}", out.list.len() + out.broken.len()), pattern.span()))
                    }
                };
                let required = marks.default.is_none() && marks.shared.is_none();
                match name.and_then(|name| param(what, krate, input, name, marks, &generics, errors)) {
                    Ok(param) => out.list.push(param),
                    Err(name) if required => out.broken.push(name),
                    Err(_) => {}
                }
            }
        }
    }
    out
}

fn marks(attrs: &mut Vec<Attribute>, errors: &mut Errors) -> Marks {
    let mut marks = Marks::default();
    attrs.retain(|attribute| {
        if attribute.path().is_ident("default") {
            match attribute.parse_args::<TokenStream>() {
                Ok(value) if !value.is_empty() => marks.default = Some(value),
                _ => errors.spanned(attribute, "expected a value: `#[default(1)]`"),
            }
        } else if attribute.path().is_ident("constant") {
            marks.constant = Some(attribute.span());
        } else if attribute.path().is_ident("shared") {
            marks.shared = Some(attribute.span());
        } else {
            // rustc takes none on parameters.
            if !attribute.path().is_ident("doc") {
                return true;
            }
            if let Meta::NameValue(doc) = &attribute.meta {
                marks.doc.push(doc.value.to_token_stream());
            }
        }
        false
    });
    marks
}

/// A parameter, or the name of one that is no good.
fn param(
    what: &str,
    krate: &TokenStream,
    input: &PatType,
    name: Ident,
    marks: Marks,
    generics: &[Ident],
    errors: &mut Errors,
) -> Result<Param, Ident> {
    let before = errors.len();
    let Marks { default, constant, shared, doc } = marks;
    let ty = &*input.ty;
    check_name(&name, errors);
    if let (Some(_), Some(at)) = (&default, constant) {
        errors
            .push(at, "a `#[constant]` parameter cannot have a default: without it, every caller gives a plain value");
    }
    if default.is_some() && mentions(ty, generics) {
        errors.spanned(ty, "a parameter whose type has a type parameter cannot have a default");
    }
    let kind = match ty {
        Type::Reference(_) if shared.is_some() => ParamKind::Shared,
        Type::Reference(_) => ParamKind::Reference,
        _ => ParamKind::Owned,
    };
    if let Some(at) = shared {
        if kind != ParamKind::Shared {
            let text = ty.to_token_stream();
            errors.push(ty.span(), format!("a `#[shared]` parameter is a reference: `&{}`", spaced(&text)));
        }
        if default.is_some() || constant.is_some() {
            errors.push(at, "a `#[shared]` parameter comes from the flow: it has no default and is no `#[constant]`");
        }
    }
    check_type(what, &name, ty, errors);
    let (inner, generic) = match ty {
        Type::Reference(reference) => (&*reference.elem, is_bare(&reference.elem, generics)),
        ty => (ty, is_bare(ty, generics)),
    };
    let value = match kind {
        ParamKind::Reference if !generic => {
            let krate = path_at(krate, inner.span());
            quote_spanned!(inner.span()=> <#inner as #krate::__private::RefParam>::Owned)
        }
        _ => inner.to_token_stream(),
    };
    if errors.len() > before {
        return Err(name);
    }
    Ok(Param { name, ty: ty.clone(), kind, value, default, doc, constant: constant.is_some(), generic })
}

fn check_name(name: &Ident, errors: &mut Errors) {
    let text = name.unraw().to_string();
    if RESERVED.contains(&text.as_str()) {
        errors.push(name.span(), format!("a parameter cannot be called `{text}`: every call takes it as an option"));
    }
    let number = text.strip_prefix("__").is_some_and(|rest| rest.parse::<usize>().is_ok());
    if number || text == "__call" {
        errors.push(name.span(), format!("a parameter cannot be called `{text}`: the macro needs that name"));
    }
}

fn check_type(what: &str, name: &Ident, ty: &Type, errors: &mut Errors) {
    let inside = match ty {
        Type::ImplTrait(_) => {
            return errors.spanned(ty, "`impl Trait` is not allowed here: name a type parameter instead");
        }
        Type::Reference(reference) => {
            if let Some(mutability) = &reference.mutability {
                let text = format!("a {what} parameter is shared with other tasks and cannot be `&mut`");
                errors.spanned(mutability, text);
            }
            if let Some(lifetime) = &reference.lifetime {
                let inner = spaced(&reference.elem.to_token_stream());
                errors.spanned(lifetime, format!("a {what} borrows its parameter for one call: write `&{inner}`"));
            }
            &*reference.elem
        }
        ty => ty,
    };
    if let Some(value) = node_of(inside) {
        let value = spaced(&value);
        errors.spanned(ty, node_text(what, &format!("{name}: {value}"), &value));
    } else if borrows(inside.to_token_stream(), false) {
        let text = format!("a {what} parameter owns what is inside its type: `String` for `&str`, `Vec<T>` for `&[T]`");
        errors.spanned(inside, text);
    }
}

/// What to write in place of a `Node`.
pub(crate) fn node_text(what: &str, instead: &str, value: &str) -> String {
    match what {
        "flow" => format!("write the value's type, `{instead}`: in the body it is a `Node<{value}>`"),
        _ => format!("write the value's type, `{instead}`: a task gets the value, callers pass the `Node<{value}>`"),
    }
}

/// The `T` of `Node<T>`.
pub(crate) fn node_of(ty: &Type) -> Option<TokenStream> {
    let Type::Path(path) = ty else { return None };
    let last = path.path.segments.last().filter(|segment| segment.ident == "Node")?;
    let PathArguments::AngleBracketed(arguments) = &last.arguments else { return None };
    arguments.args.iter().find_map(|argument| match argument {
        GenericArgument::Type(ty) => Some(ty.to_token_stream()),
        _ => None,
    })
}

pub(crate) fn is_path_to(ty: &Type, name: &str) -> bool {
    matches!(ty, Type::Path(path) if path.path.segments.last().is_some_and(|segment| segment.ident == name))
}

/// Whether a type holds a reference or names a lifetime. What functions take and return is not held.
pub(crate) fn borrows(ty: TokenStream, static_allowed: bool) -> bool {
    let tokens: Vec<TokenTree> = ty.into_iter().collect();
    if tokens.iter().any(|t| matches!(t, TokenTree::Ident(i) if ["fn", "Fn", "FnMut", "FnOnce"].iter().any(|f| i == f)))
    {
        return false;
    }
    tokens.iter().enumerate().any(|(i, token)| match token {
        TokenTree::Punct(p) if p.as_char() == '&' => {
            let lifetime = matches!(tokens.get(i + 2), Some(TokenTree::Ident(i)) if i == "static");
            !(static_allowed && lifetime)
        }
        TokenTree::Punct(p) if p.as_char() == '\'' => {
            !matches!(tokens.get(i + 1), Some(TokenTree::Ident(i)) if i == "static")
        }
        TokenTree::Group(group) => borrows(group.stream(), static_allowed),
        _ => false,
    })
}

fn is_bare(ty: &Type, generics: &[Ident]) -> bool {
    matches!(ty, Type::Path(path) if generics.iter().any(|generic| path.path.is_ident(generic)))
}

fn mentions(ty: &Type, generics: &[Ident]) -> bool {
    fn any(tokens: TokenStream, generics: &[Ident]) -> bool {
        tokens.into_iter().any(|token| match token {
            TokenTree::Ident(ident) => generics.contains(&ident),
            TokenTree::Group(group) => any(group.stream(), generics),
            _ => false,
        })
    }
    any(ty.to_token_stream(), generics)
}

/// Tokens as people write them, near enough for a message.
pub(crate) fn spaced(tokens: &TokenStream) -> String {
    let mut out = String::new();
    let tokens: Vec<TokenTree> = tokens.clone().into_iter().collect();
    for (i, token) in tokens.iter().enumerate() {
        let word = |t: Option<&TokenTree>| matches!(t, Some(TokenTree::Ident(_) | TokenTree::Literal(_)));
        let before = i.checked_sub(1).map(|i| &tokens[i]);
        if word(before) && word(Some(token))
            || is_punct(before, ',')
            || is_punct(before, '=')
            || is_punct(Some(token), '=')
        {
            out.push(' ');
        }
        match token {
            TokenTree::Group(group) => {
                let (open, close) = match group.delimiter() {
                    proc_macro2::Delimiter::Parenthesis => ("(", ")"),
                    proc_macro2::Delimiter::Bracket => ("[", "]"),
                    proc_macro2::Delimiter::Brace => ("{ ", " }"),
                    proc_macro2::Delimiter::None => ("", ""),
                };
                out.push_str(open);
                out.push_str(&spaced(&group.stream()));
                out.push_str(close);
            }
            token => out.push_str(&token.to_string()),
        }
    }
    out
}
