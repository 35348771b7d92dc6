//! Where a node comes from: the line that wrote it and the layer it stands in.
//!
//! The layer path is a stack per thread: whoever traces a layer enters a [`Scope`] and leaves it
//! by dropping it.

use std::cell::RefCell;
use std::panic::Location;
use std::sync::Arc;

/// The source line and the layer path of a node.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Origin {
    location: Option<&'static Location<'static>>,
    path: Option<Arc<str>>,
}

thread_local! {
    static PATH: RefCell<Vec<Arc<str>>> = const { RefCell::new(Vec::new()) };
    static INHERITED: RefCell<Option<Origin>> = const { RefCell::new(None) };
}

impl Origin {
    /// No line and no layer.
    pub fn unknown() -> Origin {
        Origin::default()
    }

    /// The caller's line and the layer being traced.
    #[track_caller]
    pub fn here() -> Origin {
        Origin { location: Some(Location::caller()), path: Scope::path() }
    }

    /// The given line and the layer being traced.
    pub fn at(location: &'static Location<'static>) -> Origin {
        Origin { location: Some(location), path: Scope::path() }
    }

    /// Runs `f`; the nodes it creates get this origin instead of their own.
    ///
    /// Gradient rules and decompositions run so: a mistake in them, and the time they take, belong
    /// to the line of the user's program that they serve.
    pub fn lend<T>(&self, f: impl FnOnce() -> T) -> T {
        let before = INHERITED.replace(Some(self.clone()));
        let result = f();
        INHERITED.set(before);
        result
    }

    /// The origin lent to the nodes being created, if any.
    pub(crate) fn inherited() -> Option<Origin> {
        INHERITED.with_borrow(Clone::clone)
    }

    /// The source line, if known.
    pub fn location(&self) -> Option<&'static Location<'static>> {
        self.location
    }

    /// The path of the layer, such as `encoder/dense_1`.
    pub fn path(&self) -> Option<&str> {
        self.path.as_deref()
    }
}

/// While alive, nodes are created inside the named layer.
#[derive(Debug)]
#[must_use = "the scope ends when this is dropped"]
pub struct Scope(());

impl Scope {
    /// Enters the layer `name`, below the one being traced.
    pub fn enter(name: &str) -> Scope {
        PATH.with_borrow_mut(|stack| {
            let path = match stack.last() {
                Some(outer) => format!("{outer}/{name}").into(),
                None => name.into(),
            };
            stack.push(path);
        });
        Scope(())
    }

    /// The path of the layer being traced.
    pub fn path() -> Option<Arc<str>> {
        PATH.with_borrow(|stack| stack.last().cloned())
    }
}

impl Drop for Scope {
    fn drop(&mut self) {
        PATH.with_borrow_mut(|stack| stack.pop());
    }
}
