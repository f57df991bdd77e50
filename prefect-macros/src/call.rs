//! The call of a task or a flow: the positional function, and the builder behind keywords.
//!
//! Whether an argument is given is a type of the builder. Each argument has traits of its own for that, because the text
//! of a message can then name the argument and the task.
use proc_macro2::{Ident, TokenStream};
use quote::{format_ident, quote, quote_spanned};
use syn::ext::IdentExt;
use syn::{Generics, Visibility};

use crate::parameters::Param;
use crate::spans::path_at;

pub(crate) struct Call<'a> {
    /// `task` or `flow`.
    pub(crate) what: &'static str,
    pub(crate) krate: &'a TokenStream,
    pub(crate) ident: &'a Ident,
    pub(crate) vis: &'a Visibility,
    pub(crate) generics: &'a Generics,
    /// Those that callers give.
    pub(crate) inputs: Vec<&'a Param>,
    pub(crate) returns: TokenStream,
    /// Ends the call; sees `inputs: [Option<Slot>; N]`, all filled.
    pub(crate) end: TokenStream,
}

impl Call<'_> {
    fn bound(&self, param: &Param) -> TokenStream {
        let place = syn::spanned::Spanned::span(&param.ty);
        let (krate, value, convert) = (path_at(self.krate, place), &param.value, convert(param));
        quote_spanned!(place=> #krate::__private::#convert<#value>)
    }

    /// `value`, converted.
    fn slot(&self, param: &Param, value: &Ident) -> TokenStream {
        let (krate, ty) = (self.krate, &param.value);
        let convert = convert(param);
        quote!(#krate::__private::slot(#krate::__private::#convert::<#ty>::into_input(#value)))
    }

    /// The function: its parameters, and its call of the companion.
    pub(crate) fn function(&self, attributes: &TokenStream) -> TokenStream {
        let Self { ident, vis, generics, returns, .. } = self;
        let (impl_g, ty_g, where_g) = generics.split_for_impl();
        let required = || self.inputs.iter().filter(|param| param.default.is_none());
        let parameters = required().map(|param| {
            let (name, bound) = (&param.name, self.bound(param));
            quote!(#name: impl #bound)
        });
        let inputs = self.inputs.iter().map(|param| {
            let slot = self.slot(param, &param.name);
            if param.default.is_none() {
                quote!(::core::option::Option::Some(#slot))
            } else {
                quote!(::core::option::Option::None)
            }
        });
        quote! {
            #attributes
            #[track_caller]
            #[allow(clippy::too_many_arguments, clippy::must_use_candidate, clippy::missing_panics_doc, clippy::inline_always)]
            #vis fn #ident #impl_g (#(#parameters),*) -> #returns #where_g {
                <#ident #ty_g>::__add([#(#inputs),*])
            }
        }
    }

    /// The mapped call by position. By keywords it needs no builder of its own: the setters take what `each` makes of a list.
    pub(crate) fn mapping(&self, output: &TokenStream) -> TokenStream {
        let Self { krate, ident, vis, generics, .. } = self;
        if self.inputs.is_empty() {
            return TokenStream::new();
        }
        let (_, ty_g, _) = generics.split_for_impl();
        let lists = |generic| if generic { "IntoGenericMapped" } else { "IntoMapped" };
        let required = self.inputs.iter().filter(|param| param.default.is_none());
        let parameters = required.map(|param| {
            let place = syn::spanned::Spanned::span(&param.ty);
            let (name, krate, value) = (&param.name, path_at(self.krate, place), &param.value);
            let bound = Ident::new(lists(param.generic), place);
            quote_spanned!(place=> #name: impl #krate::__private::#bound<#value>)
        });
        let inputs = self.inputs.iter().map(|param| {
            let (name, value, bound) = (&param.name, &param.value, format_ident!("{}", lists(param.generic)));
            if param.default.is_some() {
                return quote!(::core::option::Option::None);
            }
            let input = quote!(#krate::__private::#bound::<#value>::into_mapped(#name));
            quote!(::core::option::Option::Some(#krate::__private::slot(#input)))
        });
        let doc =
            format!("Calls `{}` once for each element: its arguments are lists, or `unmapped(..)`.", ident.unraw());
        quote! {
            #[doc = #doc]
            #[track_caller]
            #[allow(clippy::too_many_arguments, clippy::must_use_candidate, clippy::missing_panics_doc)]
            #vis fn map(#(#parameters),*) -> #krate::__private::Mapped<#output> {
                #krate::__private::mapped(<#ident #ty_g>::__add([#(#inputs),*]))
            }
        }
    }

    /// The type of the same name, which keywords and `run` are found through. It comes after the function, so that
    /// editors colour the name as a function's.
    pub(crate) fn companion(&self) -> TokenStream {
        let Self { what, ident, vis, generics, .. } = self;
        let parameters = &generics.params;
        let names: Vec<_> = generics.type_params().map(|t| &t.ident).collect();
        let doc = format!("What belongs to the {what} function of the same name.");
        let (bounds, where_g) =
            if names.is_empty() { (None, None) } else { (Some(quote!(<#parameters>)), generics.where_clause.as_ref()) };
        quote! {
            #[doc = #doc]
            #[allow(non_camel_case_types, dead_code, missing_debug_implementations)]
            #vis struct #ident #bounds #where_g {
                // It cannot be made.
                never: ::core::convert::Infallible,
                marker: ::core::marker::PhantomData<fn() -> (#(#names,)*)>,
            }
        }
    }

    /// The builder and the end of a call; stands in a `const _`.
    pub(crate) fn builder(&self) -> TokenStream {
        let Self { krate, ident, vis, generics, inputs, returns, end, .. } = self;
        let args = format_ident!("{}_args", ident, span = ident.span());
        let (impl_g, ty_g, where_g) = generics.split_for_impl();
        let generic_params: Vec<_> = generics.params.iter().collect();
        let generic_names: Vec<_> = generics.type_params().map(|t| &t.ident).collect();
        let states: Vec<_> =
            inputs.iter().map(|param| format_ident!("__S_{}", param.name, span = param.name.span())).collect();
        let missing = inputs.iter().map(|_| quote!(#krate::__private::Missing));
        let n = inputs.len();
        let required = inputs.iter().zip(&states).filter(|(param, _)| param.default.is_none()).map(|(param, state)| {
            let given = given(&param.name);
            quote!(#state: #given)
        });
        let required: Vec<_> = required.collect();
        let setters = self.setters(&args, &generic_names, &states);
        let fill = inputs.iter().enumerate().filter(|(_, param)| param.default.is_some()).map(|(i, param)| {
            let default = default_fn(&param.name);
            quote! {
                if ::core::option::Option::is_none(&inputs[#i]) {
                    inputs[#i] = ::core::option::Option::Some(#krate::__private::slot(#default()));
                }
            }
        });
        let (traits, defaults) = (self.traits(), self.defaults());
        let slot = quote!(::core::option::Option<#krate::__private::Slot>);
        quote! {
            #traits
            #defaults

            #vis struct #args<#(#generic_params,)* #(#states),*> {
                inputs: [#slot; #n],
                marker: ::core::marker::PhantomData<fn() -> (#(#generic_names,)* #(#states,)*)>,
            }

            impl #impl_g #ident #ty_g #where_g {
                #[doc(hidden)]
                #vis fn __kw() -> #args<#(#generic_names,)* #(#missing),*> {
                    #args { inputs: [const { ::core::option::Option::None }; #n], marker: ::core::marker::PhantomData }
                }

                #[inline]
                #[track_caller]
                fn __add(mut inputs: [#slot; #n]) -> #returns {
                    #(#fill)*
                    #end
                }
            }

            impl<#(#generic_params,)* #(#states),*> #args<#(#generic_names,)* #(#states),*> #where_g {
                #(#setters)*

                #[doc(hidden)]
                #[track_caller]
                #vis fn __call(self) -> #returns
                where #(#required),*
                {
                    <#ident #ty_g>::__add(self.inputs)
                }
            }
        }
    }

    /// `x(..)` for each argument, and `__0(..)` for the positional ones.
    fn setters(&self, args: &Ident, generic_names: &[&Ident], states: &[Ident]) -> Vec<TokenStream> {
        let (krate, vis) = (self.krate, self.vis);
        let mut position = 0;
        let setters = self.inputs.iter().enumerate().map(|(i, param)| {
            let name = &param.name;
            let (bound, not_given, state) = (self.bound(param), not_given(name), &states[i]);
            let after = states
                .iter()
                .enumerate()
                .map(|(j, state)| if i == j { quote!(#krate::__private::Set) } else { quote!(#state) });
            let after = quote!(#args<#(#generic_names,)* #(#after),*>);
            let value = Ident::new("value", name.span());
            let slot = self.slot(param, &value);
            let doc = format!("Gives the argument `{}`.", param.text());
            // Positions count the required parameters only, as in the positional function.
            let positional = param.default.is_none().then(|| {
                let setter = Ident::new(&format!("__{position}"), name.span());
                position += 1;
                quote! {
                    #[doc(hidden)]
                    #[track_caller]
                    #vis fn #setter(self, #value: impl #bound) -> #after
                    where #state: #not_given
                    { self.#name(#value) }
                }
            });
            quote! {
                #[doc = #doc]
                #[track_caller]
                #vis fn #name(mut self, #value: impl #bound) -> #after
                where #state: #not_given
                {
                    self.inputs[#i] = ::core::option::Option::Some(#slot);
                    #args { inputs: self.inputs, marker: ::core::marker::PhantomData }
                }
                #positional
            }
        });
        setters.collect()
    }

    /// After a mistake in the signature: takes anything for these arguments.
    pub(crate) fn untyped_builder(&self, arguments: &[&Ident]) -> TokenStream {
        let Self { ident, vis, returns, .. } = self;
        let args = format_ident!("{}_args", ident, span = ident.span());
        let positions = (0..arguments.len()).map(|i| format_ident!("__{i}"));
        let setters = arguments.iter().map(|name| (*name).clone()).chain(positions);
        quote! {
            #vis struct #args {}
            impl #args {
                #(#vis fn #setters(self, _: impl ::core::marker::Sized) -> Self { self })*
                #vis fn __call(self) -> #returns { ::core::unreachable!() }
            }
            impl #ident {
                #vis fn __kw() -> #args { ::core::unreachable!() }
            }
        }
    }

    fn traits(&self) -> TokenStream {
        let Self { what, krate, ident, inputs, .. } = self;
        let ident = ident.unraw();
        let traits = inputs.iter().map(|param| {
            let (name, given, not_given) = (param.text(), given(&param.name), not_given(&param.name));
            let missing = format!("missing argument `{name}` in call of {what} `{ident}`");
            let label = format!("argument `{name}` is missing");
            let twice = format!("argument `{name}` is given twice in call of {what} `{ident}`");
            quote! {
                #[diagnostic::on_unimplemented(message = #missing, label = #label)]
                trait #given {}
                impl #given for #krate::__private::Set {}
                #[diagnostic::on_unimplemented(message = #twice, label = "already given")]
                trait #not_given {}
                impl #not_given for #krate::__private::Missing {}
            }
        });
        traits.collect()
    }

    /// Each default once, so that a wrong one is reported once.
    fn defaults(&self) -> TokenStream {
        let functions = self.inputs.iter().filter_map(|param| {
            let (default, value, name) = (param.default.as_ref()?, &param.value, default_fn(&param.name));
            let place = syn::spanned::Spanned::span(default);
            let krate = path_at(self.krate, place);
            let input = quote_spanned!(place=> #krate::__private::IntoInput::<#value>::into_input(#default));
            let krate = self.krate;
            Some(quote!(fn #name() -> #krate::__private::Input<#value> { #input }))
        });
        functions.collect()
    }
}

/// The trait that converts into an argument.
fn convert(param: &Param) -> Ident {
    let name = if param.constant {
        "IntoConstant"
    } else if param.generic {
        "IntoGeneric"
    } else {
        "IntoInput"
    };
    Ident::new(name, syn::spanned::Spanned::span(&param.ty))
}

pub(crate) fn default_fn(name: &Ident) -> Ident {
    format_ident!("__default_{}", name, span = name.span())
}

fn given(name: &Ident) -> Ident {
    format_ident!("__Given_{}", name, span = name.span())
}

fn not_given(name: &Ident) -> Ident {
    format_ident!("__NotGiven_{}", name, span = name.span())
}
