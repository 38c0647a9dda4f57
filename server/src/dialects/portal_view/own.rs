//! The changes of a client itself. It shows them already, so it is not told of them; unless somebody else's came in between, for
//! then it would go on to show what is older.

#[derive(Debug, Default)]
pub(super) struct Own {
    /// Changes that are made and not told yet.
    due: usize,
    /// Whether something of somebody else was told since the first of them was made.
    is_overtaken: bool,
}

impl Own {
    pub(super) fn made(&mut self) {
        self.due += 1;
    }

    /// One of them came to nothing.
    pub(super) fn refused(&mut self) {
        self.due = self.due.saturating_sub(1);
        self.is_overtaken &= self.due > 0;
    }

    /// The room tells one of them. Whether the client has to hear it.
    pub(super) fn came(&mut self) -> bool {
        let is_overtaken = self.is_overtaken;
        self.refused();
        is_overtaken
    }

    /// The room tells a change of somebody else, or how the view is.
    pub(super) fn other_came(&mut self) {
        self.is_overtaken |= self.due > 0;
    }

    /// The client was told all that there is, which is older than so many of its changes.
    pub(super) fn begin_anew(&mut self, due: usize) {
        *self = Self { due, is_overtaken: due > 0 };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_told_of_its_own_change_only_behind_somebody_elses() {
        let mut own = Own::default();
        own.other_came();
        own.made();
        assert!(!own.came());
        own.made();
        own.other_came();
        own.made();
        assert!(own.came() && own.came());
        own.made();
        own.other_came();
        own.refused();
        own.made();
        assert!(!own.came());
        own.begin_anew(2);
        assert!(own.came() && own.came() && !own.came());
    }
}
