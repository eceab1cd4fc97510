//! What the copy of a store fails with.

use std::path::PathBuf;

/// What copying a store fails with.
#[derive(Debug, Clone, thiserror::Error)]
#[non_exhaustive]
pub enum CopyError {
    /// PHP's `open_basedir` doesn't allow a file of a store that is copied.
    #[error("The file \"{}\" is outside of the folders that open_basedir allows.", .0.display())]
    OutsideOpenBasedir(PathBuf),
    /// A copy of this store that isn't finished is used, or copied itself.
    #[error("The credential store is an unfinished copy: finish it with LocalApi\\copy_store, or remove it.")]
    Unfinished,
    /// A store that is to be a copy isn't new, and no unfinished copy of the same store.
    #[error("The store to copy to is neither new nor an unfinished copy of the same store: it was left untouched.")]
    TargetNotEmpty,
    /// The store to copy to doesn't take a row.
    #[error("The row {id} of {table} cannot be copied: {reason}")]
    RowNotCopied {
        /// The table.
        table: &'static str,
        /// The row's id.
        id: i64,
        /// A sentence.
        reason: String,
    },
    /// A row of the copy isn't what it is in the source, or only one of them has it.
    #[error(
        "The row {id} of {table} is not the same in the copy{}: somebody has changed it meanwhile, or the table does not take it as it is.",
        .column.as_ref().map_or_else(String::new, |column| format!(", in its column {column}"))
    )]
    Differs {
        /// The table.
        table: &'static str,
        /// The row's id.
        id: i64,
        /// The first column in which they differ; none where only one of them has the row.
        column: Option<String>,
    },
    /// A copy has more rows than its source, or fewer.
    #[error("The copy does not have as many rows of {0} as its source: somebody has changed them meanwhile.")]
    Incomplete(&'static str),
}
