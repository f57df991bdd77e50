//! Files on disk: found, missing, unreadable, open to others.
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};

use prefect::{Config, ConfigErrorKind, ConfigOrigin};

use crate::warnings;

/// A folder that is removed at the end.
struct Folder(PathBuf);

impl Folder {
    fn new() -> Self {
        static NEXT: AtomicUsize = AtomicUsize::new(0);
        let name = format!("prefect-config-{}-{}", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed));
        let path = std::env::temp_dir().join(name);
        fs::create_dir_all(path.join(".prefect")).unwrap();
        Self(path)
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }

    fn write(&self, name: &str, text: impl AsRef<[u8]>) -> PathBuf {
        let path = self.path(name);
        fs::write(&path, text).unwrap();
        path
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

fn with_user_file(path: &Path) -> prefect::ConfigBuilder {
    Config::builder().environment([("PREFECT__USER_CONFIG_PATH", path)]).files()
}

#[test]
fn both_files_are_found_below_the_home_folder() {
    let home = Folder::new();
    home.write(".prefect/config.toml", "[a]\nx = 1\ny = 1\n");
    home.write(".prefect/backend.toml", "[a]\ny = 2\n");
    let config = Config::builder().home(&home.0).files().build().unwrap();
    assert_eq!(config.get_as::<i64>("a.x").unwrap(), 1);
    assert_eq!(config.get_as::<i64>("a.y").unwrap(), 2);
}

#[test]
fn files_that_are_named_win_over_those_below_the_home_folder() {
    let home = Folder::new();
    home.write(".prefect/config.toml", "[a]\nx = 1\n");
    home.write("mine.toml", "[a]\nx = 2\n");
    home.write("backend.toml", "[a]\ny = \"$PLACE\"\n");
    let config = Config::builder()
        .home(&home.0)
        .environment([
            ("PREFECT__USER_CONFIG_PATH", "~/mine.toml"),
            ("PREFECT__BACKEND_CONFIG_PATH", "$PLACE/backend.toml"),
            ("PLACE", home.0.to_str().unwrap()),
        ])
        .files()
        .build()
        .unwrap();
    assert_eq!(config.get_as::<i64>("a.x").unwrap(), 2);
    assert_eq!(config.get_as::<String>("a.y").unwrap(), home.0.to_str().unwrap());
    assert!(config.warnings().is_empty());
}

#[test]
fn missing_files_are_skipped_and_named_ones_warned_of() {
    let home = Folder::new();
    assert!(Config::builder().home(&home.0).files().build().unwrap().warnings().is_empty());
    assert!(Config::builder().files().build().unwrap().warnings().is_empty());
    let path = home.path("nope.toml");
    assert_eq!(
        warnings(&with_user_file(&path).build().unwrap()),
        [format!(
            "environment variable PREFECT__USER_CONFIG_PATH: names {}, which does not exist: no such file is read",
            path.display()
        )]
    );
}

#[test]
fn home_dir_does_not_move_the_file_and_says_so() {
    let home = Folder::new();
    home.write(".prefect/config.toml", "[a]\nx = 1\n");
    let other = Folder::new();
    let file = other.write("config.toml", "[a]\nx = 2\n");
    let build = |folder: &Path| {
        Config::builder().home(&home.0).environment([("PREFECT__HOME_DIR", folder)]).files().build().unwrap()
    };
    let config = build(&other.0);
    assert_eq!(config.get_as::<i64>("a.x").unwrap(), 1);
    assert_eq!(config.get_as::<PathBuf>("home_dir").unwrap(), other.0);
    let unread = format!("{} is not read: set PREFECT__USER_CONFIG_PATH to it", file.display());
    assert_eq!(warnings(&config), [format!("environment variable PREFECT__HOME_DIR: {unread}")]);
    assert!(build(&home.path(".prefect")).warnings().is_empty());
}

#[test]
fn an_error_names_the_file_and_the_line() {
    let home = Folder::new();
    let path = home.write("mine.toml", "\n[slack]\nflush_deadline = []\n");
    let error = with_user_file(&path).build().unwrap_err();
    let place = ConfigOrigin::File { path: path.as_path().into(), line: 3, column: 18 };
    assert_eq!(*error.origin(), place);
    assert!(error.to_string().starts_with(&format!("{}:3:18: key `slack.flush_deadline`: ", path.display())));
}

#[test]
fn what_is_no_text_file_of_moderate_size_is_an_error() {
    let home = Folder::new();
    let huge = home.write("huge.toml", "#".repeat(10 << 20));
    let binary = home.write("binary.toml", b"a = 1\nb = \"\xff\"\n");
    let nul = home.write("nul.toml", b"a = \"\0\"\n");
    for (path, kind, expected) in [
        (&home.0, ConfigErrorKind::Read, "cannot be read: "),
        (&huge, ConfigErrorKind::Read, "is larger than 1 MiB: "),
        (&binary, ConfigErrorKind::Read, "is no valid UTF-8 in line 2: "),
        (&nul, ConfigErrorKind::Syntax, "is no valid TOML: "),
        (&PathBuf::from("a\0b"), ConfigErrorKind::Read, "cannot be read: "),
        (&binary.join("below"), ConfigErrorKind::Read, "cannot be read: "),
    ] {
        let error = with_user_file(path).build().unwrap_err();
        assert_eq!(error.kind(), kind, "{error}");
        assert!(error.message().starts_with(expected), "{error}");
        assert!(error.to_string().starts_with(&path.display().to_string()), "{error}");
    }
}

#[test]
fn a_byte_order_mark_is_no_mistake() {
    let home = Folder::new();
    let path = home.write("mine.toml", "\u{feff}[a]\nx = 1\n");
    assert_eq!(with_user_file(&path).build().unwrap().get_as::<i64>("a.x").unwrap(), 1);
}

#[cfg(unix)]
#[test]
fn a_file_with_secrets_that_others_can_read_is_warned_of() {
    use std::os::unix::fs::PermissionsExt;

    let home = Folder::new();
    let secrets = home.write("mine.toml", "[context.secrets]\nA = \"value of a\"\n");
    let others = home.write("open.toml", "[a]\nx = 1\n");
    let set = |path: &Path, mode| fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
    for (mode, warned) in [(0o600, false), (0o640, true), (0o604, true), (0o622, false)] {
        set(&secrets, mode);
        let config = with_user_file(&secrets).build().unwrap();
        let path = secrets.display();
        let warning = format!("{path} holds secrets and can be read by other users: run `chmod 600 {path}`");
        assert_eq!(warnings(&config), if warned { vec![warning] } else { vec![] }, "{mode:o}");
    }
    set(&others, 0o644);
    assert!(with_user_file(&others).build().unwrap().warnings().is_empty());
}

#[cfg(unix)]
#[test]
fn a_variable_that_is_no_utf8_is_an_error_where_it_is_needed() {
    use std::ffi::OsString;
    use std::os::unix::ffi::OsStringExt;

    let bad = || OsString::from_vec(vec![b'x', 0xff]);
    let error = Config::builder().environment([("PREFECT__A__B", bad())]).build().unwrap_err().to_string();
    assert_eq!(error, "environment variable PREFECT__A__B: is no valid UTF-8: set it again");
    let name = OsString::from_vec(b"PREFECT__\xff".to_vec());
    assert!(Config::builder().environment([(name, "x")]).build().is_err());
    let other = || Config::builder().environment([("OTHER", bad())]);
    assert!(other().user_config("a = \"$NOTHING\"\n").build().is_ok());
    assert!(other().user_config("a = \"$OTHER\"\n").build().unwrap_err().to_string().contains("OTHER"));
    let error = Config::builder().environment([("PREFECT__USER_CONFIG_PATH", bad())]).files().build().unwrap_err();
    assert!(error.to_string().contains("PREFECT__USER_CONFIG_PATH"));
}
