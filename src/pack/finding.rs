//! What can be wrong with a pack: one enum, a stable word and a sentence each.

use std::fmt;

use serde::{Deserialize, Serialize};

/// One way in which a pack can be other than whole. The words (kebab-case) are stable.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Code {
    /// The archive ends before it is complete.
    Truncated,
    /// Bytes stand in front of the first entry.
    LeadingBytes,
    /// Bytes stand behind the end record.
    TrailingBytes,
    /// Bytes inside the archive belong to nothing.
    UnclaimedBytes,
    /// Two entries claim the same bytes.
    OverlappingEntries,
    /// An entry claims bytes that the archive does not hold.
    OutOfBounds,
    /// The archive uses the 64-bit extension.
    Zip64,
    /// The archive is larger than a pack may be.
    TooLarge,
    /// A header is not where, or not as long as, it is said to be.
    BrokenHeader,
    /// An entry is compressed.
    NotStored,
    /// An entry carries flags other than 0x0800: encryption, data descriptors.
    ForeignFlags,
    /// A header carries an extra field.
    ExtraField,
    /// The archive or an entry carries a comment.
    Comment,
    /// An entry is a symbolic link.
    SymbolicLink,
    /// An entry is a device, a pipe or a socket.
    SpecialFile,
    /// An entry is a directory.
    Directory,
    /// An entry's own header contradicts the central directory.
    LocalDiffers,
    /// A header differs from the one that its name, size and CRC make.
    NotCanonical,
    /// The entries are not sorted by the bytes of their names.
    OutOfOrder,
    /// The contents of an entry have another CRC than its header says.
    CrcMismatch,
    /// Another program that reads the archive sees other files in it.
    ReadDifferently,
    /// A name leaves the pack's folder, or could be read in two ways.
    UnsafeName,
    /// Two entries have the same name.
    DuplicateName,
    /// Two names differ in case only.
    CaseFoldTwin,
    /// The manifest cannot be read, or is not in the one form it may have.
    ManifestMalformed,
    /// A file's contents are not the ones the manifest lists.
    Altered,
    /// A file the manifest lists is not there.
    Missing,
    /// A file is there that the manifest does not list.
    Unlisted,
    /// The table of contents cannot be read.
    TocMalformed,
    /// The table of contents describes other files than the pack holds.
    TocDiffers,
    /// A file of lines is cut, or holds a line that is no JSON object.
    BrokenLines,
    /// A JSON file cannot be read.
    BrokenJson,
    /// A JSON object holds a key twice: two readers would see two different things.
    AmbiguousJson,
    /// The checksum file beside the archive cannot be read, or names another file.
    ChecksumMalformed,
    /// The archive has another checksum than the file beside it says.
    ChecksumMismatch,
    /// The metadata beside the archive describe another archive.
    MetadataMismatch,
    /// The archive holds other bytes than the folder it lies in.
    ArchiveDiffers,
}

impl Code {
    /// The stable word: `case-fold-twin`.
    pub fn word(self) -> String {
        match serde_json::to_value(self) {
            Ok(serde_json::Value::String(word)) => word,
            _ => format!("{self:?}"),
        }
    }

    /// One sentence for people, without a stop.
    pub fn sentence(self) -> &'static str {
        match self {
            Self::Truncated => "the archive ends before it is complete",
            Self::LeadingBytes => "bytes stand in front of the first entry",
            Self::TrailingBytes => "bytes stand behind the end record",
            Self::UnclaimedBytes => "bytes inside the archive belong to nothing",
            Self::OverlappingEntries => "two entries claim the same bytes",
            Self::OutOfBounds => "an entry claims bytes that the archive does not hold",
            Self::Zip64 => "the archive uses the 64-bit extension, which a pack may not",
            Self::TooLarge => "the archive is larger than a pack may be",
            Self::BrokenHeader => "a header is not where, or not as long as, it is said to be",
            Self::NotStored => "an entry is compressed; a pack only stores",
            Self::ForeignFlags => "an entry carries flags that a pack does not use",
            Self::ExtraField => "a header carries an extra field",
            Self::Comment => "the archive or an entry carries a comment",
            Self::SymbolicLink => "an entry is a symbolic link",
            Self::SpecialFile => "an entry is a device, a pipe or a socket",
            Self::Directory => "an entry is a directory",
            Self::LocalDiffers => "an entry's own header contradicts the central directory",
            Self::NotCanonical => "a header differs from the one that its name, size and CRC make",
            Self::OutOfOrder => "the entries are not sorted by the bytes of their names",
            Self::CrcMismatch => "the contents of an entry have another CRC than its header says",
            Self::ReadDifferently => "another program that reads the archive sees other files in it",
            Self::UnsafeName => "a name leaves the pack's folder, or could be read in two ways",
            Self::DuplicateName => "two entries have the same name",
            Self::CaseFoldTwin => "two names differ in case only",
            Self::ManifestMalformed => "the manifest is not in the one form it may have",
            Self::Altered => "a file's contents are not the ones the manifest lists",
            Self::Missing => "a file the manifest lists is not there",
            Self::Unlisted => "a file is there that the manifest does not list",
            Self::TocMalformed => "the table of contents cannot be read",
            Self::TocDiffers => "the table of contents describes other files than the pack holds",
            Self::BrokenLines => "a file of lines is cut, or holds a line that is no JSON object",
            Self::BrokenJson => "a JSON file cannot be read",
            Self::AmbiguousJson => "a JSON object holds a key twice",
            Self::ChecksumMalformed => {
                "the checksum file beside the archive cannot be read, or names another file"
            }
            Self::ChecksumMismatch => "the archive has another checksum than the file beside it says",
            Self::MetadataMismatch => "the metadata beside the archive describe another archive",
            Self::ArchiveDiffers => "the archive holds other bytes than the folder it lies in",
        }
    }
}

impl fmt::Display for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.word())
    }
}

/// One thing wrong with a pack.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Finding {
    /// Which way of being wrong.
    pub code: Code,
    /// The thing in question, in a few words: `mode of the central header`.
    pub what: String,
    /// The file of the pack, or of the ones beside it; empty for the archive as such.
    pub path: String,
    /// What a whole pack would hold there.
    pub expected: String,
    /// What is there.
    pub actual: String,
}

impl Finding {
    /// A finding about one file.
    pub fn new(
        code: Code,
        path: impl Into<String>,
        what: impl Into<String>,
        expected: impl fmt::Display,
        actual: impl fmt::Display,
    ) -> Self {
        Self {
            code,
            what: what.into(),
            path: path.into(),
            expected: expected.to_string(),
            actual: actual.to_string(),
        }
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.code, self.code.sentence())?;
        if !self.path.is_empty() {
            write!(f, ": `{}`", self.path)?;
        }
        write!(f, "\n  {}", self.what)?;
        write!(f, "\n  expected  {}\n  actual    {}", self.expected, self.actual)
    }
}

#[cfg(test)]
mod tests {
    use super::{Code, Finding};

    #[test]
    fn a_finding_says_what_where_expected_and_actual() {
        let finding = Finding::new(
            Code::CaseFoldTwin,
            "A.json",
            "name of the entry",
            "one spelling",
            "a.json",
        );
        assert_eq!(
            finding.to_string(),
            "case-fold-twin: two names differ in case only: `A.json`\n  name of the entry\n  \
             expected  one spelling\n  actual    a.json"
        );
    }

    #[test]
    fn words_are_kebab_case_also_where_a_number_is_in_them() {
        assert_eq!(Code::Zip64.word(), "zip64");
        assert_eq!(Code::OutOfBounds.word(), "out-of-bounds");
    }
}
