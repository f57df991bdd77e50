//! The options of `#[task]`, `#[prefect::flow]` and `flow!`: which there are, and what was given.
//!
//! An option is one line in a table here, and a method of the same name on `TaskDefinition` (`FlowOptions`).
use proc_macro2::{Ident, Span, TokenStream, TokenTree};
use quote::{ToTokens, quote};
use syn::ext::IdentExt;

use crate::errors::Errors;
use crate::hints;
use crate::keywords::{is_punct, split_commas, ungrouped};

/// What an option takes, and so what is made of it.
#[derive(Clone, Copy, PartialEq)]
pub(crate) enum Takes {
    /// The name of the task or the flow.
    Name,
    /// The path of the crate `prefect`.
    Path,
    /// Nothing, or a literal `true` or `false`. Says how the function is expanded.
    Switch,
    /// A literal `true` or `false`, for the method.
    Flag,
    /// A whole number.
    Number,
    /// A list of state handlers.
    Handlers,
    /// One function, called when something failed.
    OnFailure,
    /// One function, as the method takes it.
    Function,
    /// A time such as `"10s"`.
    Time,
    /// A time, or `exponential("1s", max = "5m")`.
    Delay,
    /// A list of error types, or a predicate.
    ErrorTypes,
    /// A function of the upstream states.
    Trigger,
    /// A list of texts.
    Texts,
    /// A text with names in braces.
    Template,
    /// Decides whether a kept result fits.
    CacheValidator,
    /// A text.
    Text,
    /// A store of results.
    Results,
    /// When a body begins: the name of a case of `RecordStart`, or a value.
    RecordStart,
}

pub(crate) struct Spec {
    pub(crate) key: &'static str,
    pub(crate) takes: Takes,
    /// What it makes no sense without, and what to say then.
    needs: Option<(&'static str, &'static str)>,
}

const fn option(key: &'static str, takes: Takes) -> Spec {
    Spec { key, takes, needs: None }
}

impl Spec {
    const fn needs(self, other: &'static str, cure: &'static str) -> Self {
        Self { needs: Some((other, cure)), ..self }
    }
}

const HOW_OFTEN: &str = "say how often to try again, such as `max_retries = 3`";
const HOW_LONG: &str = "say how long to keep a result, such as `cache_for = \"1h\"`";

/// In the order in which they are applied.
pub(crate) const TASK: &[Spec] = &[
    option("name", Takes::Name),
    option("state_handlers", Takes::Handlers),
    option("on_failure", Takes::OnFailure),
    option("max_retries", Takes::Number),
    option("retry_delay", Takes::Delay).needs("max_retries", HOW_OFTEN),
    option("retry_on", Takes::ErrorTypes).needs("max_retries", HOW_OFTEN),
    option("timeout", Takes::Time),
    option("trigger", Takes::Trigger),
    option("skip_on_upstream_skip", Takes::Flag),
    option("tags", Takes::Texts),
    option("task_run_name", Takes::Template),
    option("cache_for", Takes::Time),
    option("cache_validator", Takes::CacheValidator).needs("cache_for", HOW_LONG),
    option("cache_key", Takes::Text).needs("cache_for", HOW_LONG),
    option("target", Takes::Template),
    option("result", Takes::Results),
    option("checkpoint", Takes::Flag),
    option("record_start", Takes::RecordStart),
    option("in_memory", Takes::Switch),
    option("crate", Takes::Path),
];

/// In the order in which they are applied.
pub(crate) const FLOW: &[Spec] = &[
    option("name", Takes::Name),
    option("state_handlers", Takes::Handlers),
    option("on_failure", Takes::OnFailure),
    option("terminal_state_handler", Takes::Function),
    option("result", Takes::Results),
    option("crate", Takes::Path),
];

/// One option, as it was written.
pub(crate) struct Given {
    pub(crate) spec: &'static Spec,
    pub(crate) key: Ident,
    /// Empty for a switch.
    pub(crate) value: Vec<TokenTree>,
}

pub(crate) struct Options {
    /// In the order of the table.
    pub(crate) given: Vec<Given>,
    /// The path of the crate `prefect`.
    pub(crate) krate: TokenStream,
}

impl Options {
    /// `key = value, flag, ..`
    pub(crate) fn parse(args: TokenStream, table: &'static [Spec], errors: &mut Errors) -> Self {
        Self::of(split_commas(args), table, errors)
    }

    pub(crate) fn of(written: Vec<Vec<TokenTree>>, table: &'static [Spec], errors: &mut Errors) -> Self {
        let mut out = Self { given: Vec::new(), krate: quote!(::prefect) };
        for tokens in written {
            out.add(tokens, table, errors);
        }
        out.given.sort_by_key(|given| table.iter().position(|spec| std::ptr::eq(spec, given.spec)));
        for given in &out.given {
            if let Some((other, cure)) = given.spec.needs
                && out.get(other).is_none()
            {
                errors.push(given.key.span(), format!("`{}` needs `{other}`: {cure}", given.key));
            }
        }
        if let Some(path) = out.get("crate") {
            match syn::parse2::<syn::Path>(path.tokens()) {
                Ok(path) => out.krate = path.to_token_stream(),
                Err(_) => errors.push(path.key.span(), "expected a path: `crate = my_prefect`"),
            }
        }
        out
    }

    fn add(&mut self, tokens: Vec<TokenTree>, table: &'static [Spec], errors: &mut Errors) {
        let keys = || {
            let keys: Vec<_> = table.iter().map(|spec| format!("`{}`", spec.key)).collect();
            format!("expected one of {}", keys.join(", "))
        };
        let tokens = ungrouped(tokens);
        let Some(TokenTree::Ident(key)) = tokens.first() else {
            return errors.push(tokens.first().map_or_else(Span::call_site, TokenTree::span), keys());
        };
        let name = key.unraw().to_string();
        let mut spec = table.iter().find(|spec| spec.key == name);
        if spec.is_none() {
            // Taken for what it was meant to be, so that what it names is not reported as unused.
            let meant = hints::closest(&name, table.iter().map(|spec| spec.key));
            spec = table.iter().find(|spec| Some(spec.key) == meant);
            errors.push(
                key.span(),
                match meant {
                    Some(meant) => format!("unknown option `{name}`: did you mean `{meant}`?"),
                    None => format!("unknown option `{name}`, {}", keys()),
                },
            );
        }
        let Some(spec) = spec else { return };
        let value: Vec<TokenTree> = tokens.iter().skip(2).cloned().collect();
        let has_value = is_punct(tokens.get(1), '=') && !value.is_empty();
        if tokens.len() > 1 && !has_value || tokens.len() == 1 && spec.takes != Takes::Switch {
            return errors.push(key.span(), format!("option `{name}` needs a value: `{name} = ..`"));
        }
        if self.get(spec.key).is_some() {
            return errors.push(key.span(), format!("option `{name}` is given twice"));
        }
        self.given.push(Given { spec, key: key.clone(), value });
    }

    pub(crate) fn get(&self, key: &str) -> Option<&Given> {
        self.given.iter().find(|given| given.spec.key == key)
    }

    /// A literal `true` or `false`; `default` if it is not given, or is something else, which is reported elsewhere.
    pub(crate) fn flag(&self, key: &str, default: bool) -> bool {
        self.get(key).and_then(Given::flag).unwrap_or(default)
    }
}

impl Given {
    pub(crate) fn tokens(&self) -> TokenStream {
        self.value.iter().cloned().collect()
    }

    pub(crate) fn flag(&self) -> Option<bool> {
        match self.tokens().to_string().as_str() {
            "" | "true" => Some(true),
            "false" => Some(false),
            _ => None,
        }
    }
}
