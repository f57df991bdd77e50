//! The items that a task function becomes.
use proc_macro2::{Ident, TokenStream};
use quote::{format_ident, quote, quote_spanned};
use syn::ext::IdentExt;
use syn::spanned::Spanned;
use syn::{Generics, ReturnType};

use super::check::Task;
use crate::call::Call;
use crate::parameters::{Param, ParamKind, spaced};

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
    let output = &task.output.ty;
    let mut position = 0_usize;
    let mut takes = Vec::new();
    let mut arguments = Vec::new();
    for (i, Param { ty, kind, value, generic, .. }) in task.params.list.iter().enumerate() {
        let local = format_ident!("__{i}");
        match kind {
            ParamKind::Shared => {
                takes.push(quote_spanned!(ty.span()=> let #local = #krate::__private::shared::<#value>(__inputs);));
                arguments.push(quote!(&*#local));
                continue;
            }
            ParamKind::Owned => {
                takes.push(
                    quote_spanned!(ty.span()=> let #local = #krate::__private::owned::<#ty>(__inputs, #position);),
                );
                arguments.push(quote!(#local));
            }
            ParamKind::Reference => {
                takes.push(quote_spanned!(ty.span()=> let #local = #krate::__private::task_input::<#value>(__inputs, #position);));
                arguments.push(if *generic {
                    quote!(&*#local)
                } else {
                    quote_spanned!(ty.span()=> #krate::__private::RefParam::lend(&*#local))
                });
            }
        }
        position += 1;
    }
    let call = quote!(<#ident #ty_g>::run(#(#arguments),*));
    let call = if task.sig.asyncness.is_some() { quote!(#call.await) } else { call };
    let keep = if task.options.flag("in_memory", false) { quote!(in_memory) } else { quote!(stored) };
    let keep = quote_spanned!(task.output.span=> #krate::__private::#keep::<#output>);
    let result = match &task.sig.output {
        ReturnType::Type(_, ty) if task.output.fallible => quote_spanned! {ty.span()=>
            #krate::__private::ResultLike::into_result(#call)
                .map(#keep)
                .map_err(#krate::__private::IntoTaskError::into_task_error)
        },
        _ => quote!(::core::result::Result::Ok(#keep(#call))),
    };
    let (kind, outcome) = if task.sig.asyncness.is_some() {
        (quote!(Async), quote!(Future(::std::boxed::Box::pin(async move { #result }))))
    } else {
        (quote!(Sync), quote!(Done(#result)))
    };
    let described = |param: &Param| {
        let (name, value) = (param.text(), &param.value);
        quote_spanned!(param.ty.span()=> #krate::__private::Parameter::of::<#value>(#name))
    };
    let parameters = task.params.list.iter().filter(|param| param.is_input()).map(described);
    let shared = task.params.list.iter().filter(|param| !param.is_input()).map(described);
    quote! {
        const __CODE: &'static #krate::__private::TaskCode = &#krate::__private::TaskCode {
            run: Self::__run,
            parameters: &[#(#parameters),*],
            shared: &[#(#shared),*],
            kind: #krate::__private::BodyKind::#kind,
        };

        fn __run(__inputs: &mut #krate::__private::Inputs<'_>) -> #krate::__private::BodyOutcome {
            #(#takes)*
            #krate::__private::BodyOutcome::#outcome
        }
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
            (format!("trigger `{}`", literal(&trigger.tokens())), given)
        }
        None => return TokenStream::new(),
    };
    let ident = ident.unraw();
    let label = format!("with {why} the task also runs when there is no `{{P}}`");
    let inputs = task.params.list.iter().filter(|param| param.is_input() && !param.constant);
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
                impl<P, Mode: #krate::__private::Accepts<P>> #check<P> for #krate::__private::Typed<Mode> {}
            };
            let call = quote_spanned! {param.ty.span()=>
                {
                    fn __check<P, M>(_: &M) where M: #check<P> {}
                    __check::<#value, _>(__trigger);
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

/// With a mistake in the signature every item is there all the same, and takes whatever it is given.
fn broken(task: &Task, ident: &Ident, cell: &TokenStream) -> TokenStream {
    let (vis, output, krate) = (&task.function.vis, &task.output.ty, &task.options.krate);
    let attributes = task.function.attributes();
    let (cfg, outer) = (&attributes.cfg, &attributes.outer);
    let asyncness = &task.sig.asyncness;
    let args = format_ident!("{}_args", ident, span = ident.span());
    let generics = Generics::default();
    let list = &task.params.list;
    let positional: Vec<&Ident> = (list.iter().filter(|p| p.is_input() && p.default.is_none()).map(|p| &p.name))
        .chain(&task.params.broken)
        .collect();
    let all: Vec<&Ident> = list.iter().map(|p| &p.name).chain(&task.params.broken).collect();
    let setters = all.iter().map(|name| quote!(#vis fn #name(self, _: impl ::core::marker::Sized) -> Self { self }));
    let positions = (0..positional.len()).map(|i| {
        let name = format_ident!("__{i}");
        quote!(#vis fn #name(self, _: impl ::core::marker::Sized) -> Self { self })
    });
    let run_output = match &task.sig.output {
        ReturnType::Type(_, ty) if task.output.fallible => quote!(#ty),
        _ => quote!(#output),
    };
    let node = quote!(#krate::__private::Node<#output>);
    // A type parameter of the function cannot be named here.
    let (node, run_output) = if task.sig.generics.params.is_empty() {
        (node, run_output)
    } else {
        (quote!(#krate::__private::Node<()>), quote!(()))
    };
    let untyped = Call {
        what: "task",
        krate,
        ident,
        vis,
        generics: &generics,
        inputs: Vec::new(),
        returns: quote!(()),
        end: quote!(()),
    };
    let companion = untyped.companion();
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
        #[allow(missing_docs, unused, non_camel_case_types, private_interfaces, unreachable_pub, clippy::all, clippy::pedantic)]
        const _: () = {
            #cell
            #vis struct #args {}
            impl #args {
                #(#setters)*
                #(#positions)*
                #vis fn __call(self) -> #node { ::core::unreachable!() }
            }
            impl #ident {
                #vis fn __kw() -> #args { ::core::unreachable!() }
                #vis #asyncness fn run(#(#all: impl ::core::marker::Sized),*) -> #run_output { ::core::unreachable!() }
            }
        };
    }
}
