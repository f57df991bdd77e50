//! The services that messages are sent by, and what is said about them.
use std::fmt;

/// What a message is sent by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Service {
    Slack,
    #[cfg(feature = "email")]
    Email,
}

/// As reasons in the summary begin: `slack: 503`.
impl fmt::Display for Service {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Slack => "slack",
            #[cfg(feature = "email")]
            Self::Email => "email",
        })
    }
}

impl Service {
    /// How many there are.
    #[cfg(feature = "cli")]
    pub(crate) const COUNT: usize = 1 + cfg!(feature = "email") as usize;

    /// As errors in Prefect's words begin: `Slack notification for .. failed`.
    pub(crate) const fn title(self) -> &'static str {
        match self {
            Self::Slack => "Slack",
            #[cfg(feature = "email")]
            Self::Email => "Email",
        }
    }

    /// How the secrets database is told this secret, where there is one.
    fn kept_by(self, name: &str) -> String {
        if cfg!(not(feature = "store")) {
            return String::new();
        }
        match self {
            Self::Slack => format!(", or keep it in the store by `prefect slack add {name}`"),
            #[cfg(feature = "email")]
            Self::Email => format!(", or keep it in the store by `prefect secrets set {name}`"),
        }
    }

    /// What is lacking without its secret.
    const fn lacking(self) -> &'static str {
        match self {
            Self::Slack => "no webhook",
            #[cfg(feature = "email")]
            Self::Email => "no mail login",
        }
    }
}

/// Which secret is missing and where to put it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct MissingSecret {
    pub(crate) service: Service,
    pub(crate) name: &'static str,
}

impl MissingSecret {
    /// For the summary.
    pub(crate) fn reason(&self) -> String {
        format!("{}: {}", self.service.lacking(), self.name)
    }
}

impl fmt::Display for MissingSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { service, name } = self;
        write!(
            f,
            "{}: the secret `{name}` is not set; put it into `[context.secrets]` of ~/.prefect/config.toml, \
             or into the environment variable PREFECT__CONTEXT__SECRETS__{name}{}",
            service.lacking(),
            service.kept_by(name)
        )
    }
}
