//! What a task function says, and what is wrong with it.
use proc_macro2::{Span, TokenStream};
use quote::{ToTokens, quote_spanned};
use syn::spanned::Spanned;
use syn::{GenericArgument, PathArguments, ReturnType, Signature, Type};

use crate::errors::Errors;
use crate::function::{Function, check_name};
use crate::options::Options;
use crate::parameters::{Params, borrows, is_path_to, node_of, node_text, params, spaced};
use crate::spans::path_at;

/// A task function, read.
pub(crate) struct Task {
    pub(super) function: Function,
    /// Of the function with the body: without our attributes.
    pub(super) sig: Signature,
    pub(super) options: Options,
    pub(super) params: Params,
    pub(super) output: Output,
    /// Whether the signature is good; the options may still not be.
    pub(super) sound: bool,
    pub(super) errors: Errors,
}

/// What the node carries.
pub(super) struct Output {
    pub(super) ty: TokenStream,
    pub(super) fallible: bool,
    pub(super) span: Span,
}

/// Where the error type of a `Result` is written, if it is.
pub(super) fn error_span(ty: &Type) -> Span {
    let Type::Path(path) = ty else { return ty.span() };
    match path.path.segments.last().map(|segment| &segment.arguments) {
        Some(PathArguments::AngleBracketed(arguments)) if arguments.args.len() > 1 => match arguments.args.last() {
            Some(GenericArgument::Type(error)) => error.span(),
            _ => ty.span(),
        },
        _ => ty.span(),
    }
}

pub(super) fn check(function: Function, options: Options, mut errors: Errors) -> Task {
    let before = errors.len();
    let krate = &options.krate;
    let mut sig = function.sig.clone();
    if let Some(lifetime) = sig.generics.lifetimes().next() {
        errors.spanned(lifetime, "a task can have type parameters only");
    }
    if let Some(parameter) = sig.generics.const_params().next() {
        errors.spanned(&parameter.ident, "a task can have type parameters only");
    }
    if let Some(token) = &sig.constness {
        errors.spanned(token, "a task cannot be `const`");
    }
    if let Some(token) = &sig.unsafety {
        errors.spanned(token, "a task cannot be `unsafe`");
    }
    if let Some(token) = &sig.abi {
        errors.spanned(token, "a task cannot be `extern`");
    }
    if let Some(token) = &sig.variadic {
        errors.spanned(token, "a task has a fixed number of parameters");
    }
    check_name("task", &sig.ident, &mut errors);
    let params = params("task", krate, &mut sig, &mut errors);
    if options.flag("in_memory", false) {
        for key in ["target", "result"] {
            if let Some(given) = options.get(key) {
                errors.push(
                    given.key.span(),
                    format!("`{key}` keeps the result, and `in_memory` says that it cannot be kept"),
                );
            }
        }
    }
    let output = output(krate, &sig, options.flag("in_memory", false), &mut errors);
    let sound = errors.len() == before;
    Task { function, sig, options, params, output, sound, errors }
}

/// `T`, or the `Ok` type of anything that is written `..Result<..>`.
fn output(krate: &TokenStream, sig: &Signature, in_memory: bool, errors: &mut Errors) -> Output {
    let ReturnType::Type(_, ty) = &sig.output else {
        let span = sig.ident.span();
        return Output { ty: quote_spanned!(span=> ()), fallible: false, span };
    };
    let span = ty.span();
    match &**ty {
        Type::Reference(_) | Type::Path(_) | Type::Tuple(_) | Type::Array(_) | Type::Slice(_)
            if borrows(ty.to_token_stream(), in_memory) =>
        {
            errors.spanned(ty, "a task returns an owned value: `String` for `&str`, `Vec<T>` for `&[T]`");
            Output { ty: owned(krate, ty), fallible: false, span }
        }
        Type::ImplTrait(_) => {
            errors.spanned(ty, "a task names the type that it returns: other tasks take it");
            Output { ty: quote_spanned!(span=> ()), fallible: false, span }
        }
        Type::Never(_) => {
            errors.spanned(ty, "a task that never returns has no result: leave `-> !` out");
            Output { ty: quote_spanned!(span=> ()), fallible: false, span }
        }
        ty if node_of(ty).is_some() => {
            let value = spaced(&node_of(ty).unwrap_or_default());
            errors.spanned(ty, node_text("task", &format!("-> {value}"), &value));
            Output { ty: node_of(ty).unwrap_or_default(), fallible: false, span }
        }
        ty if is_path_to(ty, "Result") => {
            let krate = path_at(krate, span);
            let ok = quote_spanned!(span=> <#ty as #krate::__private::ResultLike>::Ok);
            Output { ty: ok, fallible: true, span }
        }
        ty => Output { ty: ty.to_token_stream(), fallible: false, span },
    }
}

/// What was probably meant, so that readers of the result are not reported too.
fn owned(krate: &TokenStream, ty: &Type) -> TokenStream {
    match ty {
        Type::Reference(reference) if !borrows(reference.elem.to_token_stream(), false) => {
            let inner = &reference.elem;
            quote_spanned!(ty.span()=> <#inner as #krate::__private::RefParam>::Owned)
        }
        _ => quote_spanned!(ty.span()=> ()),
    }
}
