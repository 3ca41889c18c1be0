//! Whose processes the services are. Postgres refuses to run as root, and a service under test has no business
//! being root either.

use std::{
    fs, io,
    os::unix::fs::{MetadataExt as _, chown},
    path::Path,
};

use tokio::process::Command;

/// An unprivileged account of this host.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Account {
    uid: u32,
    gid: u32,
}

impl Account {
    /// The account services run under: our own (none) when we are not root, else `postgres`, else `nobody`.
    pub(super) fn unprivileged() -> io::Result<Option<Self>> {
        if !rustix::process::geteuid().is_root() {
            return Ok(None);
        }
        // Read by hand: a static binary has no name service to ask.
        let accounts = fs::read_to_string("/etc/passwd")?;
        let found = ["postgres", "nobody"]
            .iter()
            .find_map(|name| named(&accounts, name));
        let none =
            || io::Error::other("`/etc/passwd` names neither `postgres` nor `nobody` to run services as");
        found.ok_or_else(none).map(Some)
    }

    /// Its number.
    pub(super) fn uid(&self) -> u32 {
        self.uid
    }

    /// Make a command run under this account.
    pub(super) fn assume(&self, command: &mut Command) {
        command.uid(self.uid).gid(self.gid);
    }

    /// Make this account the owner of a file or folder.
    pub(super) fn own(&self, path: &Path) -> io::Result<()> {
        chown(path, Some(self.uid), Some(self.gid))
    }

    /// True when this account may read and execute a program (or enter and list a folder) where it is.
    pub(super) fn can_reach(&self, path: &Path) -> bool {
        let Ok(path) = path.canonicalize() else {
            return false;
        };
        let mut above = path.ancestors().skip(1);
        self.may(&path, 0o5) && above.all(|folder| self.may(folder, 0o1))
    }

    /// The same for a file that is only read.
    pub(super) fn can_read(&self, path: &Path) -> bool {
        let Ok(path) = path.canonicalize() else {
            return false;
        };
        let mut above = path.ancestors().skip(1);
        self.may(&path, 0o4) && above.all(|folder| self.may(folder, 0o1))
    }

    fn may(&self, path: &Path, bits: u32) -> bool {
        let Ok(meta) = path.metadata() else { return false };
        let shift = match () {
            () if meta.uid() == self.uid => 6,
            () if meta.gid() == self.gid => 3,
            () => 0,
        };
        (meta.mode() >> shift) & bits == bits
    }
}

fn named(accounts: &str, name: &str) -> Option<Account> {
    let fields = accounts.lines().map(|line| line.split(':').collect::<Vec<_>>());
    let mut matching = fields.filter(|fields| fields.len() >= 4 && fields[0] == name);
    let fields = matching.next()?;
    Some(Account {
        uid: fields[2].parse().ok()?,
        gid: fields[3].parse().ok()?,
    })
}

#[cfg(test)]
mod tests {
    use std::{fs, os::unix::fs::PermissionsExt as _, path::Path};

    use super::{Account, named};

    #[test]
    fn accounts_are_read_from_the_password_file() {
        let accounts =
            "root:x:0:0:root:/root:/bin/bash\nbroken\npostgres:x:101:104:,,,:/var/lib/postgresql:/bin/bash\n";
        assert_eq!(named(accounts, "postgres"), Some(Account { uid: 101, gid: 104 }));
        assert_eq!(named(accounts, "nobody"), None);
    }

    #[test]
    fn a_program_below_a_closed_folder_cannot_be_reached() {
        let folder = tempfile::tempdir().expect("a folder");
        let program = folder.path().join("api");
        fs::write(&program, "").expect("written");
        let stranger = Account {
            uid: 54_321,
            gid: 54_321,
        };
        let set =
            |path: &Path, mode| fs::set_permissions(path, fs::Permissions::from_mode(mode)).expect("set");
        set(&program, 0o755);
        set(folder.path(), 0o700);
        assert!(!stranger.can_reach(&program));
        set(folder.path(), 0o711);
        assert!(stranger.can_reach(&program));
        set(&program, 0o744);
        assert!(!stranger.can_reach(&program) && stranger.can_read(&program));
    }
}
