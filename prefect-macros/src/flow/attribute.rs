//! `#[prefect::flow] fn etl(x: i64) -> i64 { .. }`: a flow with parameters, which other flows can call.
use proc_macro2::{Ident, TokenStream, TokenTree};
use quote::{ToTokens, format_ident, quote, quote_spanned};
use syn::ext::IdentExt;
use syn::spanned::Spanned;
use syn::{Generics, ReturnType, Signature, Type};

use super::values::{Values, keep};
use crate::call::{Call, default_fn};
use crate::errors::Errors;
use crate::function::{Function, check_name};
use crate::keywords;
use crate::options::{FLOW, Options};
use crate::parameters::{Param, ParamKind, Params, is_path_to, node_of, node_text, params, spaced};
use crate::spans::path_at;

pub(crate) fn run(args: &TokenStream, item: &TokenStream) -> TokenStream {
    let function = match Function::parse_item("#[prefect::flow]", item) {
        Ok(function) => function,
        Err(instead) => return instead,
    };
    function.configurations().into_iter().map(|function| one(args.clone(), &function)).collect()
}

fn one(args: TokenStream, function: &Function) -> TokenStream {
    let mut errors = Errors::default();
    let options = Options::parse(args, FLOW, &mut errors);
    let before = errors.len();
    let mut sig = function.sig.clone();
    let ident = sig.ident.clone();
    check(&sig, &mut errors);
    let mut params = params("flow", &options.krate, &mut sig, &mut errors);
    for param in &mut params.list {
        check_param(param, &mut errors);
    }
    let output = match &sig.output {
        ReturnType::Default => None,
        ReturnType::Type(_, ty) => Some(output(ty, &mut errors)),
    };
    let sound = errors.len() == before;
    let name = options.name(&ident, &mut errors);
    let calls = options.calls(None, &mut errors);
    let flow = Parts { function, ident: &ident, options: &options, params: &params, output: output.as_ref() };
    if sound { flow.sound(&name, &calls, errors) } else { flow.broken(&errors) }
}

fn check(sig: &Signature, errors: &mut Errors) {
    check_name("flow", &sig.ident, errors);
    if !sig.generics.params.is_empty() {
        errors.spanned(&sig.generics, "a flow cannot be generic: it is found by its name");
    }
    if let Some(token) = &sig.asyncness {
        errors.spanned(token, "a flow cannot be `async`: its body only builds the graph; tasks can be");
    }
    if let Some(token) = &sig.constness {
        errors.spanned(token, "a flow cannot be `const`");
    }
    if let Some(token) = &sig.unsafety {
        errors.spanned(token, "a flow cannot be `unsafe`");
    }
}

fn check_param(param: &mut Param, errors: &mut Errors) {
    match param.kind {
        ParamKind::Owned => {}
        ParamKind::Reference => errors.spanned(&param.ty, "a flow parameter is a value, not a reference"),
        ParamKind::Shared => errors.spanned(&param.ty, "a flow shares values by `flow.share(..)`; tasks take them"),
    }
    if param.text() == "flow" {
        errors
            .push(param.name.span(), "a flow parameter cannot be called `flow`: `parameters().flow()` gives the flow");
    }
    if param.constant {
        errors.spanned(&param.name, "`#[constant]` is for tasks: in the body of a flow a parameter is a node");
    }
    // `Option<T>` may be left out.
    if param.default.is_none() && is_path_to(&param.ty, "Option") {
        let value = &param.value;
        param.default = Some(quote_spanned!(param.ty.span()=> <#value as ::core::default::Default>::default()));
    }
}

fn output(ty: &Type, errors: &mut Errors) -> Type {
    if let Some(value) = node_of(ty) {
        let value = spaced(&value);
        errors.spanned(
            ty,
            node_text("flow", &format!("-> {value}"), &value).replace("in the body it is", "the body gives"),
        );
    } else if matches!(ty, Type::Reference(_)) {
        errors.spanned(ty, "a flow returns an owned value: `String` for `&str`, `Vec<T>` for `&[T]`");
    } else if matches!(ty, Type::ImplTrait(_)) {
        errors.spanned(ty, "a flow names the type of its value: `-> i64`");
    }
    ty.clone()
}

struct Parts<'a> {
    function: &'a Function,
    ident: &'a Ident,
    options: &'a Options,
    params: &'a Params,
    output: Option<&'a Type>,
}

impl Parts<'_> {
    fn returns(&self) -> TokenStream {
        let krate = &self.options.krate;
        match self.output {
            None => quote!(()),
            Some(ty) => quote!(#krate::__private::Node<#ty>),
        }
    }

    fn sound(&self, name: &TokenStream, calls: &TokenStream, mut errors: Errors) -> TokenStream {
        let Self { function, ident, options, params, output } = self;
        let (krate, vis, returns) = (&options.krate, &function.vis, self.returns());
        let attributes = function.attributes();
        let (cfg, outer, inner) = (&attributes.cfg, &attributes.outer, &attributes.inner);
        let mut inner_attributes = TokenStream::new();
        let body = function.body(|body| {
            let (attributes, body) = split_attributes(body);
            inner_attributes = attributes;
            keywords::rewrite_body(krate, body, &mut errors)
        });
        let names: Vec<_> = params.list.iter().map(|param| &param.name).collect();
        let values: Vec<_> = params.list.iter().map(|param| &param.value).collect();
        let texts: Vec<_> = params.list.iter().map(Param::text).collect();
        let index = 0..names.len();
        let generics = Generics::default();
        let text = ident.unraw().to_string();
        let call = Call {
            what: "flow",
            krate,
            ident,
            vis,
            generics: &generics,
            inputs: params.list.iter().collect(),
            returns: returns.clone(),
            end: quote! {
                #krate::__private::in_flow(#text);
                Self::__build(#(#krate::__private::parameter_node::<#values>(
                    #texts,
                    ::core::option::Option::expect(::core::option::Option::take(&mut inputs[#index]), "every argument is given"),
                )),*)
            },
        };
        let (flow_fn, companion, builder) = (call.function(&quote!(#cfg #outer)), call.companion(), call.builder());
        // The body is a closure, so that `return` works, and its value is dropped without a return type.
        let build = match output {
            None => quote!(let _ = (|| #body)();),
            Some(ty) => {
                let krate = path_at(krate, ty.span());
                quote_spanned!(ty.span()=> #krate::__private::output_node::<#ty>((|| #body)()))
            }
        };
        let declared = params.list.iter().map(|param| {
            let (name, ty, doc) = (param.text(), &param.ty, &param.doc);
            let default = if param.default.is_some() {
                let default = default_fn(&param.name);
                quote!(::core::option::Option::Some(#krate::__private::slot(#default())))
            } else {
                quote!(::core::option::Option::None)
            };
            let doc = quote!(::core::concat!(#(#doc, "\n"),*));
            let (probe, krate) = (krate, path_at(krate, ty.span()));
            // The trait comes second, for types without a schema.
            let schema = quote! {{
                #[allow(unused_imports)]
                use #probe::__private::NoSchema as _;
                #probe::__private::SchemaProbe::<#ty>::of().find()
            }};
            let keep = keep(probe, ty);
            quote_spanned!(ty.span()=> #krate::__private::declared::<#ty>(#name, #doc, #default, #schema, #keep))
        });
        let given = Values { call: &call, returns: &returns }.builder();
        let report = errors.report();
        quote! {
            #report

            #flow_fn

            #cfg
            #companion

            #cfg
            #[allow(
                non_camel_case_types, non_snake_case, private_bounds, private_interfaces, unreachable_pub, missing_docs,
                missing_debug_implementations, unnameable_types, dead_code, unused_mut, clippy::all, clippy::pedantic
            )]
            const _: () = {
                impl #ident {
                    /// The flow itself.
                    #vis fn flow() -> #krate::__private::Flow<#returns> {
                        #krate::__private::flow(
                            #krate::__private::FlowOptions::new(#name) #calls,
                            || Self::__build(#(#declared),*),
                        )
                    }

                    #inner_attributes
                    #inner
                    #[track_caller]
                    fn __build(#(#names: #krate::__private::Node<#values>),*) -> #returns {
                        #build
                    }
                }
                #builder
                #given
            };
        }
    }

    /// With a mistake in the signature every item is there all the same, and takes whatever it is given.
    fn broken(&self, errors: &Errors) -> TokenStream {
        let Self { function, ident, options, params, .. } = self;
        let (krate, vis) = (&options.krate, &function.vis);
        let returns = self.output.map(|ty| node_of(ty).unwrap_or_else(|| ty.to_token_stream()));
        let returns = match self.output {
            Some(Type::Reference(_) | Type::ImplTrait(_)) | None => quote!(()),
            Some(_) => quote!(#krate::__private::Node<#returns>),
        };
        let cfg = function.attributes().cfg;
        let generics = Generics::default();
        let positional: Vec<_> =
            params.list.iter().filter(|p| p.default.is_none()).map(|p| &p.name).chain(&params.broken).collect();
        let all: Vec<_> = params.list.iter().map(|p| &p.name).chain(&params.broken).collect();
        let end = quote!(::core::unreachable!());
        let untyped = Call {
            what: "flow",
            krate,
            ident,
            vis,
            generics: &generics,
            inputs: Vec::new(),
            returns: returns.clone(),
            end,
        };
        let (companion, builder) = (untyped.companion(), untyped.untyped_builder(&all));
        let args = format_ident!("{}_args", ident, span = ident.span());
        let flow_of_values = (!all.iter().any(|name| *name == "flow")).then(|| {
            quote!(impl #args { #vis fn flow(self) -> #krate::__private::Flow<#returns> { ::core::unreachable!() } })
        });
        let report = errors.report();
        quote! {
            #report

            #cfg
            #[allow(unused_variables, missing_docs, clippy::all, clippy::pedantic)]
            #vis fn #ident(#(#positional: impl ::core::marker::Sized),*) -> #returns { ::core::unreachable!() }

            #cfg
            #companion

            #cfg
            #[allow(missing_docs, unused, non_camel_case_types, private_interfaces, unreachable_pub, clippy::all, clippy::pedantic)]
            const _: () = {
                #builder
                impl #ident {
                    #vis fn flow() -> #krate::__private::Flow<#returns> { ::core::unreachable!() }
                    #vis fn parameters() -> #args { ::core::unreachable!() }
                }
                #flow_of_values
            };
        }
    }
}

/// `#![..]` at the start of a body, as attributes of the function around it.
fn split_attributes(body: TokenStream) -> (TokenStream, TokenStream) {
    let tokens: Vec<TokenTree> = body.into_iter().collect();
    let mut attributes = TokenStream::new();
    let mut rest = tokens.as_slice();
    while let [sharp, bang, group @ TokenTree::Group(_), after @ ..] = rest
        && keywords::is_punct(Some(sharp), '#')
        && keywords::is_punct(Some(bang), '!')
    {
        attributes.extend([sharp.clone(), group.clone()]);
        rest = after;
    }
    (attributes, rest.iter().cloned().collect())
}
