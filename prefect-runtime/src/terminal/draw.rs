//! Pictures on the command line.
use std::process::ExitCode;

use super::arguments::Drawing;
use super::live::Stream;
use super::text::plain;
use crate::picture::Picture;

/// Draws the picture where it is wanted. A file that cannot be written is an error that names it.
pub(super) fn draw(picture: &Picture, drawing: &Drawing) -> ExitCode {
    let text = match drawing {
        Drawing::Text => {
            let mut picture = picture.clone();
            if let Some((_, columns)) = console::Term::stdout().size_checked() {
                picture = picture.columns(columns.into());
            }
            if !is_utf8(|name| std::env::var(name).ok()) {
                picture = picture.ascii();
            }
            picture.to_string()
        }
        Drawing::Dot => picture.to_dot(),
        Drawing::Svg(file) if file == "-" => picture.to_svg(),
        Drawing::Svg(file) => {
            if let Err(error) = std::fs::write(file, picture.to_svg()) {
                Stream::Err.write(&format!("error: cannot write `{}`: {error}\n", plain(file)));
                return ExitCode::FAILURE;
            }
            String::new()
        }
    };
    super::answered(&text, 0)
}

/// Whether the locale says that the terminal knows more than ASCII: the first of these that is set decides.
fn is_utf8(variable: impl Fn(&str) -> Option<String>) -> bool {
    let locale = ["LC_ALL", "LC_CTYPE", "LANG"].into_iter().find_map(|name| variable(name).filter(|v| !v.is_empty()));
    let locale = locale.unwrap_or_default().to_lowercase();
    locale.contains("utf-8") || locale.contains("utf8")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_locale_says_which_letters_there_are() {
        let utf8 = |set: &[(&str, &str)]| is_utf8(|n| set.iter().find(|(name, _)| *name == n).map(|s| s.1.to_owned()));
        assert!(utf8(&[("LANG", "de_DE.UTF-8")]) && utf8(&[("LC_CTYPE", "C.utf8"), ("LANG", "C")]));
        assert!(!utf8(&[]) && !utf8(&[("LC_ALL", "C"), ("LANG", "de_DE.UTF-8")]));
        assert!(utf8(&[("LC_ALL", ""), ("LANG", "de_DE.UTF-8")]));
    }
}
