//! Names in boxes: how wide they are, and what is left of long ones.

/// How many columns of a terminal the text needs.
pub(super) fn columns(text: &str) -> usize {
    text.chars().map(column).sum()
}

/// None for marks that go over the letter before them, two for East Asian letters and pictures.
fn column(c: char) -> usize {
    match u32::from(c) {
        0x0300..=0x036F
        | 0x0483..=0x0489
        | 0x0591..=0x05BD
        | 0x0610..=0x061A
        | 0x064B..=0x065F
        | 0x1AB0..=0x1AFF
        | 0x1DC0..=0x1DFF
        | 0x200B..=0x200D
        | 0x20D0..=0x20FF
        | 0xFE00..=0xFE0F
        | 0xFE20..=0xFE2F => 0,
        0x1100..=0x115F
        | 0x231A..=0x231B
        | 0x23E9..=0x23EC
        | 0x2E80..=0x303E
        | 0x3041..=0xA4CF
        | 0xA960..=0xA97F
        | 0xAC00..=0xD7A3
        | 0xF900..=0xFAFF
        | 0xFE30..=0xFE6F
        | 0xFF00..=0xFF60
        | 0xFFE0..=0xFFE6
        | 0x2705
        | 0x274C
        | 0x2728
        | 0x2753..=0x2757
        | 0x2795..=0x2797
        | 0x2B50
        | 0x2B55
        | 0x1F300..=0x1F64F
        | 0x1F680..=0x1F6FF
        | 0x1F7E0..=0x1F7EB
        | 0x1F900..=0x1F9FF
        | 0x1FA70..=0x1FAFF
        | 0x16FE0..=0x18CFF
        | 0x1B000..=0x1B2FF
        | 0x20000..=0x3FFFD => 2,
        _ => 1,
    }
}

/// The text in up to this many columns: of a long one the begin and the end, which tell names apart better than either.
pub(super) fn shortened(text: &str, most: usize, gap: &str) -> String {
    if columns(text) <= most {
        return text.to_owned();
    }
    let room = most.saturating_sub(columns(gap));
    let fits = |room: usize, letters: &mut dyn Iterator<Item = char>| {
        let mut used = 0;
        letters
            .take_while(|c| {
                used += column(*c);
                used <= room
            })
            .collect::<Vec<_>>()
    };
    let begin = fits(room.div_ceil(2), &mut text.chars());
    let end = fits(room / 2, &mut text.chars().rev());
    begin.into_iter().chain(gap.chars()).chain(end.into_iter().rev()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_names_keep_both_ends() {
        assert_eq!(shortened("download", 8, "…"), "download");
        assert_eq!(shortened("download_eu-west-3", 9, "…"), "down…st-3");
        assert_eq!(shortened("国国国国国", 7, "…"), "国…国");
        assert_eq!(shortened("abc", 1, "…"), "…");
        assert_eq!(columns("a国e\u{301}"), 4);
    }
}
