//! What comes out, token by token.
use proc_macro2::{Delimiter, Group, TokenStream, TokenTree};
use quote::quote;

use super::{rewrite, rewrite_body};
use crate::errors::Errors;

#[track_caller]
fn check(input: TokenStream, expected: &TokenStream) {
    let mut errors = Errors::default();
    assert_eq!(rewrite(input, &mut errors).to_string(), expected.to_string());
    assert!(errors.is_empty(), "{}", errors.report());
}

#[track_caller]
fn unchanged(input: &TokenStream) {
    check(input.clone(), input);
}

#[track_caller]
fn mistake(input: TokenStream, expected: &TokenStream, message: &str) {
    let mut errors = Errors::default();
    assert_eq!(rewrite(input, &mut errors).to_string(), expected.to_string());
    assert!(errors.report().to_string().contains(message), "{}", errors.report());
}

#[test]
fn nested_calls() {
    check(
        quote!(let res = div(x = add(-1), y = tasks::mul::<i64>(a = 2));),
        &quote!(let res = div::__kw().x(add(-1)).y(tasks::mul::<i64>::__kw().a(2).__call()).__call();),
    );
    check(quote!(::krate::f(x = 1)), &quote!(::krate::f::__kw().x(1).__call()));
    check(quote!(f(1, y = 2)), &quote!(f::__kw().__0(1).y(2).__call()));
    check(quote!(f(r#type = 2)), &quote!(f::__kw().r#type(2).__call()));
}

#[test]
fn only_calls_are_rewritten() {
    unchanged(&quote! {
        #![allow(clippy::all)]
        #[cfg(feature = "x")]
        println!("{x}", x = 1);
        let y = if a == b { f(c == d) } else { g(|x| x >= 1) };
        match y { Some(x) => x, _ => (x = 1) }
        return (x = 1);
        if (x = y) {}
    });
    unchanged(&quote!(#![cfg_attr(a, b(feature = "x"))]));
    check(quote!(vec![add(x = 1)]), &quote!(vec![add::__kw().x(1).__call()]));
    check(quote!(|n| add(x = n)), &quote!(|n| add::__kw().x(n).__call()));
}

#[test]
fn options_of_a_call() {
    check(
        quote!(add(1, upstream_tasks = [a, f(x = b)], task_args = options().name("n"))),
        &quote!(add::__kw().__0(1).__call().after(a).after(f::__kw().x(b).__call()).with(options().name("n"))),
    );
    mistake(
        quote!(add(x = 1, upstream_tasks = a)),
        &quote!(add::__kw().x(1).__call()),
        "expected a list: `upstream_tasks = [a, b]`",
    );
}

#[test]
fn commas_inside_an_argument() {
    check(
        quote!(f(
            x = HashMap::<String, Vec<u8>>::new(),
            y = |a, b: Vec<(u8, u8)>| -> Result<u8, E> { a | b },
            z = a | b,
            w = async move |a, b| a
        )),
        &quote!(
            f::__kw()
                .x(HashMap::<String, Vec<u8>>::new())
                .y(|a, b: Vec<(u8, u8)>| -> Result<u8, E> { a | b })
                .z(a | b)
                .w(async move |a, b| a)
                .__call()
        ),
    );
}

#[test]
fn mistakes() {
    mistake(quote!(f(x = 1, x = 2)), &quote!(f::__kw().x(1).__call()), "argument `x` is given twice to task `f`");
    mistake(
        quote!(f(x = 1, 2)),
        &quote!(f::__kw().x(1).__1(2).__call()),
        "positional argument after keyword argument `x`",
    );
    mistake(quote!(a.f(x = 1)), &quote!(a.f(1,)), "not to methods");
}

#[track_caller]
fn check_body(input: TokenStream, expected: &TokenStream) {
    let mut errors = Errors::default();
    assert_eq!(rewrite_body(&quote!(::prefect), input, &mut errors).to_string(), expected.to_string());
    assert!(errors.is_empty(), "{}", errors.report());
}

#[test]
fn tuples_are_taken_apart() {
    check_body(
        quote!(let (a, mut b, _) = split(x = 1); let y = 2;),
        &quote!(let (a, mut b, _) = ::prefect::__private::unpack(split::__kw().x(1).__call()); let y = 2;),
    );
    check_body(
        quote!(|| {
            let (a, b) = if c { x } else { y };
        }),
        &quote!(|| {
            let (a, b) = ::prefect::__private::unpack(if c { x } else { y });
        }),
    );
}

#[test]
fn other_lets_are_left_alone() {
    let tokens = quote! {
        let (a, b): (u8, u8) = f();
        let (a, b) = (1, 2);
        let (a, b) = &pair();
        let (a, b) = todo!();
        let (a, b) = return;
        let (a, Some(b)) = f() else { return };
        let (a, b) = f() else { return };
        let ((a, b), c) = f();
        let (a,) = f();
        let (a, b) == f();
        let (a, b);
        let a = f();
        if let (a, b) = f() {}
        while let (a, b) = f() {}
        if x && let (a, b) = f() {}
    };
    check_body(tokens.clone(), &tokens);
    // Half-typed.
    check_body(quote!(let (a, b) =), &quote!(let (a, b) =));
    check_body(quote!(let (a, b) = f(x)), &quote!(let (a, b) = f(x)));
    // In the value of an option nothing is a result of a task.
    unchanged(&quote!(|| {
        let (a, b) = f();
    }));
}

/// rust-analyzer completes after the dot only if the tokens survive.
#[test]
fn incomplete_code_survives() {
    check(quote!(let a = add(x = b.); a.), &quote!(let a = add::__kw().x(b.).__call(); a.));
    check(quote!(div(x =)), &quote!(div::__kw().x().__call()));
    check(quote!(div(x = 1,)), &quote!(div::__kw().x(1).__call()));
    check(quote!(let x = ; add(x = 1)), &quote!(let x = ; add::__kw().x(1).__call()));
}

/// A path that came through `$task:path` stands in an invisible group.
#[test]
fn fragments_of_macros() {
    let path = TokenTree::from(Group::new(Delimiter::None, quote!(tasks::add)));
    check(quote!(let y = #path(x = 1);), &quote!(let y = tasks::add::__kw().x(1).__call();));
}
