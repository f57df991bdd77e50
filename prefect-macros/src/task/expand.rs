//! The items that a task function becomes.
use proc_macro2::{Ident, TokenStream};
use quote::{format_ident, quote, quote_spanned};
use syn::ext::IdentExt;
use syn::spanned::Spanned;
use syn::{Generics, ReturnType};

use super::check::{Task, error_span};
use crate::call::Call;
use crate::keywords;
use crate::parameters::{Param, ParamKind, spaced};
use crate::spans::{local, path_at};

pub(super) fn expand(mut task: Task) -> TokenStream {
    let known: Option<Vec<_>> = task.sound.then(|| task.params.list.iter().map(Param::text).collect());
    let ident = task.sig.ident.clone();
    let name = task.options.name(&ident, &mut task.errors);
    let calls = task.options.calls(known.as_deref(), &mut task.errors);
    let krate = &task.options.krate;
    let cell = quote! {
        static __CELL: #krate::__private::TaskCell =
            #krate::__private::TaskCell::new(|| #krate::__private::TaskDefinition::new(#name) #calls);
    };
    if task.sound { sound(&task, &ident, &cell) } else { broken(&task, &ident, &cell) }
}

/// A method: nothing but the mistake is said about it.
pub(super) fn untouched(task: &Task) -> TokenStream {
    let (attrs, vis, sig) = (&task.function.attrs, &task.function.vis, &task.sig);
    let body = task.function.body(|body| body);
    let report = task.errors.report();
    quote!(#(#attrs)* #vis #sig { #report #body })
}

fn sound(task: &Task, ident: &Ident, cell: &TokenStream) -> TokenStream {
    let krate = &task.options.krate;
    let (generics, vis, output) = (&task.sig.generics, &task.function.vis, &task.output.ty);
    let (impl_g, ty_g, where_g) = generics.split_for_impl();
    let attributes = task.function.attributes();
    let (cfg, inner) = (&attributes.cfg, &attributes.inner);
    let inputs: Vec<&Param> = task.params.list.iter().filter(|param| param.is_input()).collect();
    let typed = Call {
        what: "task",
        krate,
        ident,
        vis,
        generics,
        inputs,
        returns: quote!(#krate::__private::Node<#output>),
        end: quote!(#krate::__private::call::<#output>(&__CELL, Self::__CODE, &mut inputs)),
    };
    let outer = &attributes.outer;
    let (function, companion, builder) = (typed.function(&quote!(#cfg #outer)), typed.companion(), typed.builder());
    let mapping = typed.mapping(output);
    let mut run = task.sig.clone();
    run.ident = Ident::new("run", ident.span());
    run.generics = Generics::default();
    let body = task.function.body(|body| body);
    let (code, checks) = (code(task, ident), checks(task, ident));
    let report = task.errors.report();
    quote! {
        #report

        #function

        #cfg
        #companion

        #cfg
        impl #impl_g #ident #ty_g #where_g {
            /// Runs the task at once, outside any flow.
            #inner
            #[allow(clippy::must_use_candidate, clippy::missing_errors_doc, clippy::missing_panics_doc, clippy::needless_pass_by_value)]
            #vis #run #body

            #mapping
        }

        #cfg
        #[allow(
            non_camel_case_types, non_snake_case, unused, private_bounds, private_interfaces, unreachable_pub,
            missing_docs, missing_debug_implementations, unnameable_types, clippy::all, clippy::pedantic
        )]
        const _: () = {
            #cell
            #checks
            impl #impl_g #ident #ty_g #where_g {
                #code
            }
            #builder
        };
    }
}

/// How the body gets its inputs, and what becomes of its result.
fn code(task: &Task, ident: &Ident) -> TokenStream {
    let krate = &task.options.krate;
    let (_, ty_g, _) = task.sig.generics.split_for_impl();
    let (takes, arguments) = inputs(task);
    let call = quote!(<#ident #ty_g>::run(#(#arguments),*));
    let call = if task.sig.asyncness.is_some() { quote!(#call.await) } else { call };
    let result = result(task, &call);
    let (kind, outcome) = match &task.sig.asyncness {
        Some(token) => {
            let pinned = quote_spanned!(token.span=> ::std::boxed::Box::pin(async move { #result }));
            (quote!(Async), quote!(Future(#pinned)))
        }
        None => (quote!(Sync), quote!(Done(#result))),
    };
    let described = |param: &Param| {
        let (name, value, place) = (param.text(), &param.value, param.ty.span());
        let krate = path_at(krate, place);
        quote_spanned!(place=> #krate::__private::Parameter::of::<#value>(#name))
    };
    let parameters = task.params.list.iter().filter(|param| param.is_input()).map(described);
    let shared = task.params.list.iter().filter(|param| !param.is_input()).map(described);
    let (output, place) = (&task.output.ty, task.output.span);
    let gives = path_at(krate, place);
    let gives = quote_spanned!(place=> #gives::__private::TypeInfo::of::<#output>());
    quote! {
        const __CODE: &'static #krate::__private::TaskCode = &#krate::__private::TaskCode {
            run: Self::__run,
            parameters: &[#(#parameters),*],
            shared: &[#(#shared),*],
            gives: #gives,
            kind: #krate::__private::BodyKind::#kind,
        };

        fn __run(__inputs: &mut #krate::__private::Inputs<'_>) -> #krate::__private::BodyOutcome {
            #(#takes)*
            #krate::__private::BodyOutcome::#outcome
        }
    }
}

/// Taking each input, and passing it to the body.
fn inputs(task: &Task) -> (Vec<TokenStream>, Vec<TokenStream>) {
    let mut position = 0_usize;
    let inputs = task.params.list.iter().enumerate().map(|(i, Param { ty, kind, value, generic, .. })| {
        let (name, from) = (local(&format!("__{i}")), local("__inputs"));
        let place = ty.span();
        let (krate, place) = (path_at(&task.options.krate, place), place);
        let (take, argument) = match kind {
            ParamKind::Shared => (quote_spanned!(place=> #krate::__private::shared::<#value>(#from)), quote!(&*#name)),
            ParamKind::Owned => {
                (quote_spanned!(place=> #krate::__private::owned::<#ty>(#from, #position)), quote!(#name))
            }
            ParamKind::Reference => {
                let lent = quote_spanned!(place=> #krate::__private::RefParam::lend(&*#name));
                let take = quote_spanned!(place=> #krate::__private::task_input::<#value>(#from, #position));
                (take, if *generic { quote!(&*#name) } else { lent })
            }
        };
        position += usize::from(*kind != ParamKind::Shared);
        (quote!(let #name = #take;), argument)
    });
    inputs.unzip()
}

/// What the body returned, as the value or the error that is kept.
fn result(task: &Task, call: &TokenStream) -> TokenStream {
    let (output, place) = (&task.output.ty, task.output.span);
    let krate = path_at(&task.options.krate, place);
    let keep = if task.options.flag("in_memory", false) { quote!(in_memory) } else { quote!(stored) };
    let keep = quote_spanned!(place=> #krate::__private::#keep::<#output>);
    match &task.sig.output {
        ReturnType::Type(_, ty) if task.output.fallible => {
            let place = error_span(ty);
            let name = Ident::new("__error", place);
            let error = path_at(&task.options.krate, place);
            let error = quote_spanned!(place=> #error::__private::IntoTaskError::into_task_error(#name));
            quote! {
                match #krate::__private::ResultLike::into_result(#call) {
                    ::core::result::Result::Ok(__value) => ::core::result::Result::Ok(#keep(__value)),
                    ::core::result::Result::Err(#name) => ::core::result::Result::Err(#error),
                }
            }
        }
        _ => quote!(::core::result::Result::Ok(#keep(#call))),
    }
}

/// Whether each parameter may be without a value, if the task runs when an upstream task has none.
///
/// One trait for each parameter, because its text can name the trigger and the parameter.
fn checks(task: &Task, ident: &Ident) -> TokenStream {
    let krate = &task.options.krate;
    let (impl_g, _, where_g) = task.sig.generics.split_for_impl();
    let trigger = task.options.get("trigger");
    let (why, given) = match trigger {
        _ if !task.options.flag("skip_on_upstream_skip", true) => {
            ("`skip_on_upstream_skip = false`".to_owned(), quote!(#krate::__private::any_state()))
        }
        Some(trigger) => {
            // Mistakes in it were reported when the definition was made.
            let given = task.options.trigger(trigger, &mut crate::errors::Errors::default());
            let why = match keywords::closure(&trigger.value) {
                Some(_) => "this trigger".to_owned(),
                None => format!("trigger `{}`", literal(&trigger.tokens())),
            };
            (why, given)
        }
        None => return TokenStream::new(),
    };
    let ident = ident.unraw();
    let label = format!("with {why} the task also runs when there is no `{{P}}`");
    let inputs = task.params.list.iter().filter(|param| param.is_input() && !param.constant);
    let given_trigger = local("__trigger");
    let (traits, calls): (Vec<_>, Vec<_>) = inputs
        .map(|param| {
            let (name, value) = (param.text(), &param.value);
            let check = format_ident!("__Accepts_{}", param.name, span = param.name.span());
            let message = format!("parameter `{name}` of task `{ident}` must be `Outcome<{{P}}>` or `Option<{{P}}>`");
            let check_trait = quote! {
                #[diagnostic::on_unimplemented(
                    message = #message,
                    label = #label,
                    note = "a list takes `Vec<Outcome<_>>`; a parameter that is always given a plain value can be marked `#[constant]`"
                )]
                trait #check<P> {}
                #[diagnostic::do_not_recommend]
                impl<P, T: #krate::__private::Accepts<P>> #check<P> for T {}
            };
            let call = quote_spanned! {param.ty.span()=>
                {
                    fn __check<P, M>(_: &M) where M: #check<P> {}
                    __check::<#value, _>(#given_trigger);
                }
            };
            (check_trait, call)
        })
        .unzip();
    quote! {
        #(#traits)*
        fn __checks #impl_g () #where_g {
            let __given = #given;
            let __trigger = &__given;
            #(#calls)*
        }
    }
}

/// As written, for the text of `on_unimplemented`, in which braces mean something.
fn literal(tokens: &TokenStream) -> String {
    spaced(tokens).replace('`', "").replace('{', "{{").replace('}', "}}")
}

/// With a mistake in the signature every item is there all the same, and takes whatever it is given. `run` is the function
/// as it was written.
fn broken(task: &Task, ident: &Ident, cell: &TokenStream) -> TokenStream {
    let (vis, output, krate) = (&task.function.vis, &task.output.ty, &task.options.krate);
    let attributes = task.function.attributes();
    let (cfg, outer, inner) = (&attributes.cfg, &attributes.outer, &attributes.inner);
    let generics = Generics::default();
    let list = &task.params.list;
    let positional: Vec<&Ident> = (list.iter().filter(|p| p.is_input() && p.default.is_none()).map(|p| &p.name))
        .chain(&task.params.broken)
        .collect();
    let all: Vec<&Ident> = list.iter().map(|p| &p.name).chain(&task.params.broken).collect();
    // A type parameter of the function cannot be named here.
    let result = if task.sig.generics.params.is_empty() { quote!(#output) } else { quote!(()) };
    let (node, mapped) = (quote!(#krate::__private::Node<#result>), quote!(#krate::__private::Mapped<#result>));
    let (returns, end) = (node.clone(), quote!(::core::unreachable!()));
    let untyped = Call { what: "task", krate, ident, vis, generics: &generics, inputs: Vec::new(), returns, end };
    let (companion, builder) = (untyped.companion(), untyped.untyped_builder(&all));
    let mut run = task.sig.clone();
    run.ident = Ident::new("run", ident.span());
    (run.constness, run.unsafety, run.abi, run.variadic) = (None, None, None, None);
    let body = task.function.body(|body| body);
    let report = task.errors.report();
    quote! {
        #report

        #cfg
        #outer
        #[allow(unused_variables, clippy::all, clippy::pedantic)]
        #vis fn #ident(#(#positional: impl ::core::marker::Sized),*) -> #node { ::core::unreachable!() }

        #cfg
        #companion

        #cfg
        impl #ident {
            #inner
            #[allow(missing_docs, unused_variables, clippy::all, clippy::pedantic)]
            #vis #run #body

            #[allow(missing_docs, unused_variables, clippy::all, clippy::pedantic)]
            #vis fn map(#(#positional: impl ::core::marker::Sized),*) -> #mapped { ::core::unreachable!() }
        }

        #cfg
        #[allow(missing_docs, unused, non_camel_case_types, private_interfaces, unreachable_pub, clippy::all, clippy::pedantic)]
        const _: () = {
            #cell
            #builder
        };
    }
}
