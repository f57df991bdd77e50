//! Input that nobody writes on purpose: errors, no panics, and no endless work.
use prefect::{Config, ConfigErrorKind, Secret};

use crate::{of_environment, of_file};

#[test]
fn circular_references_are_errors() {
    for file in ["[a]\nx = \"${a.x}\"\n", "a = \"${b}\"\nb = \"${a}\"\n", "a = \"1${b}\"\nb = \"2${a}\"\n"] {
        let error = of_file(file).unwrap_err();
        assert_eq!(error.kind(), ConfigErrorKind::Reference);
        assert!(error.to_string().contains("key `a"), "{error}");
        assert!(error.message().starts_with("references are circular or nested deeper than 10"), "{error}");
    }
    let error = Config::builder().user_config("a = \"$A\"\n").environment([("A", "x$A")]).build().unwrap_err();
    assert!(error.message().starts_with("environment variables refer to each other without end"), "{error}");
}

#[test]
fn references_that_grow_without_end_are_errors() {
    let doubling = (1..40).fold("k0 = \"0123456789\"\n".to_owned(), |file, i| {
        let before = i - 1;
        format!("{file}k{i} = \"${{k{before}}}${{k{before}}}\"\n")
    });
    let error = of_file(&doubling).unwrap_err();
    assert!(error.message().starts_with("references make more than 16 MiB"), "{error}");
    let copies = (0..30_000)
        .fold(format!("big = \"{}\"\n", "x".repeat(100_000)), |file, i| file + &format!("c{i} = \"${{big}}\"\n"));
    assert!(of_file(&copies).unwrap_err().message().starts_with("references make more than 16 MiB"));
    let variables: Vec<_> = (0..10).map(|i| (format!("V{i}"), format!("$V{}", i + 1).repeat(20))).collect();
    let error = Config::builder().user_config("a = \"$V0\"\n").environment(variables).build().unwrap_err();
    assert!(error.message().starts_with("references make more than 16 MiB"), "{error}");
}

#[test]
fn deep_nesting_is_an_error_or_text() {
    for file in [
        format!("a = {}", "[".repeat(100_000)),
        format!("a = {}", "{a=".repeat(100_000)),
        format!("a{} = 1", ".a".repeat(100_000)),
        format!("[a{}]", ".a".repeat(100_000)),
    ] {
        assert_eq!(of_file(&file).unwrap_err().kind(), ConfigErrorKind::Syntax);
    }
    let nested = format!("{}x{}", "${".repeat(50_000), "}".repeat(50_000));
    // The innermost is empty, and then nothing in it is a reference any more.
    assert!(of_file(&format!("a = \"{nested}\"\n")).is_ok());
    let lists = "[".repeat(100_000);
    let config = of_environment(&[("PREFECT__A__B", &lists), ("PREFECT__CONTEXT__SECRETS__S", &lists)]).unwrap();
    assert_eq!(config.get("a.b").unwrap().as_str(), Some(&*lists));
    assert_eq!(*Secret::new("S").get_from(&config).unwrap().expose(), lists);
    let name = format!("PREFECT{}", "__A".repeat(10_000));
    assert_eq!(of_environment(&[(&name, "1")]).unwrap_err().kind(), ConfigErrorKind::Key);
}

#[test]
fn the_largest_files_are_read() {
    let entries = (0..40_000).fold(String::new(), |file, i| file + &format!("key_number_{i} = {i}\n"));
    assert_eq!(of_file(&entries).unwrap().get_as::<i64>("key_number_39999").unwrap(), 39_999);
    let secrets =
        (0..20_000).fold("[context.secrets]\n".to_owned(), |file, i| file + &format!("s{i} = \"https://a/{i:030}\"\n"));
    let config = of_file(&secrets).unwrap();
    assert_eq!(config.redactor().redact(&format!("https://a/{:030}", 777)), "[redacted s777]");
}

/// A small generator of random numbers (xorshift), so that a failing text can be made again from its seed.
pub(crate) struct Random(u64);

impl Random {
    pub(crate) fn seeded(name: &str) -> Self {
        let given = std::env::var("SEED").ok().and_then(|seed| seed.parse().ok());
        let time =
            || std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).map_or(1, |t| t.subsec_nanos());
        let seed = given.unwrap_or_else(|| u64::from(time()) | 1);
        println!("{name}: SEED={seed}");
        Self(seed.max(1))
    }

    pub(crate) fn below(&mut self, limit: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 % limit as u64).unwrap()
    }

    pub(crate) fn pick<'a>(&mut self, from: &[&'a str]) -> &'a str {
        from[self.below(from.len())]
    }

    pub(crate) fn text(&mut self, from: &[&str], most: usize) -> String {
        (0..self.below(most)).map(|_| self.pick(from)).collect()
    }
}

const PIECES: &[&str] = &[
    "a",
    "b",
    "context",
    "secrets",
    "slack",
    "flush_deadline",
    "ui",
    "url",
    "logging",
    "level",
    "tasks.defaults",
    "timeout",
    "engine.workers",
    "keys",
    " = ",
    "=",
    ".",
    "\n",
    "\n",
    "[",
    "]",
    "{",
    "}",
    "\"",
    "'",
    "\"\"\"",
    "${",
    "$",
    "$HOME",
    "~",
    "~/",
    "\\",
    "\\u0000",
    "\\U0001F534",
    "é",
    "🔴",
    "\0",
    "\r",
    "#",
    ",",
    "1",
    "-1",
    "1e9",
    "0x",
    "inf",
    "nan",
    "true",
    "None",
    "2026-01-01",
    "https://",
    "Failed",
    "5s",
    "__",
];

#[test]
fn random_files_and_variables_give_a_configuration_or_an_error() {
    let mut random = Random::seeded("random_files_and_variables_give_a_configuration_or_an_error");
    let mut good = 0;
    for _ in 0..20_000 {
        let key = |random: &mut Random| {
            random.pick(&["a", "b.c", "slack.flush_deadline", "context.secrets.S", "ui.url"]).to_owned()
        };
        let file = if random.below(2) == 0 {
            random.text(PIECES, 30)
        } else {
            // Valid TOML around a random text, so that later steps are reached, too.
            let value = random.text(PIECES, 8).replace(['\'', '\n', '\r', '\0'], "");
            format!("{} = '{value}'\n", key(&mut random))
        };
        let name = format!(
            "PREFECT__{}",
            key(&mut random).to_uppercase().replace('.', "__") + random.pick(&["", "", "__X", "__"])
        );
        let variable = random.text(PIECES, 8).replace('\0', "");
        let built = Config::builder()
            .user_config(file)
            .environment([(name.as_str(), variable.as_str()), ("HOME", "/h")])
            .build();
        match built {
            Ok(config) => {
                good += 1;
                let _ = (format!("{config:?}"), Secret::new("S").get_from(&config));
                let _ = config.redactor().redact(&variable);
            }
            Err(error) => assert!(!error.to_string().is_empty()),
        }
    }
    assert!(good > 1_000, "{good} of 20000 were valid");
}
