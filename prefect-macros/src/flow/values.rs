//! `etl::parameters().x(1).flow()`: a flow with values for its parameters, each of its type.
use proc_macro2::{Ident, TokenStream};
use quote::{ToTokens, format_ident, quote, quote_spanned};
use syn::ext::IdentExt;
use syn::spanned::Spanned;

use crate::call::{Call, given, not_given};
use crate::parameters::Param;
use crate::spans::path_at;

pub(super) struct Values<'a> {
    /// Whose traits say that a value is there, or is not.
    pub(super) call: &'a Call<'a>,
    pub(super) returns: &'a TokenStream,
}

impl Values<'_> {
    /// The builder; stands in the `const _` of the flow.
    pub(super) fn builder(&self) -> TokenStream {
        let Self { call: Call { krate, ident, vis, inputs, .. }, returns } = self;
        let values = format_ident!("{}_parameters", ident, span = ident.span());
        let states: Vec<_> =
            inputs.iter().map(|param| format_ident!("__S_{}", param.name, span = param.name.span())).collect();
        let missing = inputs.iter().map(|_| quote!(#krate::__private::Missing));
        let required = inputs.iter().zip(&states).filter(|(param, _)| param.default.is_none()).map(|(param, state)| {
            let given = given(&param.name);
            quote!(#state: #given)
        });
        let setters = (0..inputs.len()).map(|i| self.setter(&values, &states, i));
        let doc = format!("Gives the parameters of `{}` their values; `flow()` ends it.", ident.unraw());
        quote! {
            #vis struct #values<#(#states),*> {
                given: #krate::__private::GivenValues,
                marker: ::core::marker::PhantomData<fn() -> (#(#states,)*)>,
            }

            impl #ident {
                #[doc = #doc]
                #vis fn parameters() -> #values<#(#missing),*> {
                    #values { given: ::core::default::Default::default(), marker: ::core::marker::PhantomData }
                }
            }

            impl<#(#states),*> #values<#(#states),*> {
                #(#setters)*

                /// The flow, with these values.
                #vis fn flow(self) -> #krate::__private::Flow<#returns>
                where #(#required),*
                {
                    self.given.to(#ident::flow())
                }
            }
        }
    }

    fn setter(&self, values: &Ident, states: &[Ident], i: usize) -> TokenStream {
        let Self { call: Call { krate, vis, inputs, .. }, .. } = self;
        let Param { name, ty, doc, .. } = inputs[i];
        let (text, not_given, state) = (inputs[i].text(), not_given(name), &states[i]);
        let after = states
            .iter()
            .enumerate()
            .map(|(j, state)| if i == j { quote!(#krate::__private::Set) } else { quote!(#state) });
        let after = quote!(#values<#(#after),*>);
        let value = Ident::new("value", name.span());
        let at_type = path_at(krate, ty.span());
        let keep = keep(krate, ty);
        let bound = quote_spanned!(ty.span()=> #at_type::__private::IntoGiven<#ty>);
        quote! {
            #(#[doc = #doc])*
            #vis fn #name(mut self, #value: impl #bound) -> #after
            where #state: #not_given
            {
                self.given.give::<#ty>(#text, #krate::__private::IntoGiven::<#ty>::into_given(#value), #keep);
                #values { given: self.given, marker: ::core::marker::PhantomData }
            }
        }
    }
}

/// How values of this type are kept. The trait comes second, for types that cannot be written.
pub(super) fn keep(krate: &TokenStream, ty: &impl ToTokens) -> TokenStream {
    quote! {{
        #[allow(unused_imports)]
        use #krate::__private::KeptInMemory as _;
        #krate::__private::KeepProbe::<#ty>::of().keep()
    }}
}
