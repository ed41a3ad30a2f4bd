//! What surrounds every page: who is signed in, where they are, and what just happened.

use std::sync::Arc;

use crate::authz::{Act, Role};

/// What surrounds a page.
#[derive(Clone, Debug)]
pub struct Shell {
    /// The page's name, in the window's title.
    pub title: String,
    /// Where our files are.
    pub assets: Arc<str>,
    /// What its forms carry.
    pub csrf: String,
    /// Who is signed in.
    pub who: Option<Who>,
    /// Which part of the console it is.
    pub here: Place,
    /// What just happened.
    pub notice: Option<Notice>,
}

/// Who is signed in.
#[derive(Clone, Debug)]
pub struct Who {
    /// What people call them.
    pub name: String,
    /// Their address; none for the operator.
    pub email: String,
    /// Whether it is the operator.
    pub operator: bool,
    /// The org they act in.
    pub org: Option<OrgHere>,
    /// The orgs they may act in.
    pub orgs: Vec<OrgChoice>,
}

/// The org that somebody acts in.
#[derive(Clone, Debug)]
pub struct OrgHere {
    /// Its name.
    pub name: String,
    /// What they are in it.
    pub role: Role,
}

/// An org to act in.
#[derive(Clone, Debug)]
pub struct OrgChoice {
    /// Its id.
    pub id: String,
    /// Its name.
    pub name: String,
    /// Whether it is the one shown.
    pub current: bool,
}

/// A part of the console.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    /// None of them.
    Elsewhere,
    /// The first page.
    Home,
    /// What waits for one's yes or no.
    Approvals,
    /// The org and its people.
    Org,
    /// Its OAuth clients.
    Clients,
    /// Its registered apps.
    Apps,
    /// What OAuth clients reach.
    Grants,
    /// One's own.
    Profile,
}

/// What just happened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Notice {
    /// It was done.
    Done(String),
    /// It was not.
    Failed(String),
}

impl Shell {
    /// Around a page for nobody in particular, without a form.
    pub fn bare(assets: Arc<str>, title: impl Into<String>) -> Self {
        let title = title.into();
        Self { title, assets, csrf: String::new(), who: None, here: Place::Elsewhere, notice: None }
    }
    /// Whether one is in the org's part.
    pub fn in_org(&self) -> bool {
        matches!(self.here, Place::Org | Place::Clients | Place::Apps | Place::Grants)
    }
    /// Whether it is the first page.
    pub fn at_home(&self) -> bool {
        self.here == Place::Home
    }
    /// Whether it is an approver's page.
    pub fn at_approvals(&self) -> bool {
        self.here == Place::Approvals
    }
    /// Whether it is the org and its people.
    pub fn at_org(&self) -> bool {
        self.here == Place::Org
    }
    /// Whether it is the org's clients.
    pub fn at_clients(&self) -> bool {
        self.here == Place::Clients
    }
    /// Whether it is its apps.
    pub fn at_apps(&self) -> bool {
        self.here == Place::Apps
    }
    /// Whether it is its grants.
    pub fn at_grants(&self) -> bool {
        self.here == Place::Grants
    }
    /// Whether it is one's own.
    pub fn at_profile(&self) -> bool {
        self.here == Place::Profile
    }
    /// What was done just now.
    pub fn done(&self) -> Option<&str> {
        match &self.notice {
            Some(Notice::Done(text)) => Some(text),
            _ => None,
        }
    }
    /// What was not done just now, and why.
    pub fn failed(&self) -> Option<&str> {
        match &self.notice {
            Some(Notice::Failed(text)) => Some(text),
            _ => None,
        }
    }
    /// Whether the role of whoever is signed in allows it.
    pub fn may(&self, act: Act) -> bool {
        self.role().is_some_and(|role| role.may(act))
    }
    /// What whoever is signed in is in the org.
    pub fn role(&self) -> Option<Role> {
        self.who.as_ref()?.org.as_ref().map(|org| org.role)
    }
    /// Whether to show what waits for them: the operator decides for nobody.
    pub fn sees_approvals(&self) -> bool {
        self.may(Act::UseApprovals) && self.who.as_ref().is_some_and(|who| !who.operator)
    }
    /// Whether to show who is in the org.
    pub fn sees_members(&self) -> bool {
        self.may(Act::SeeMembers)
    }
    /// Whether to show its clients and grants.
    pub fn sees_clients(&self) -> bool {
        self.may(Act::SeeClients)
    }
    /// Whether to show its apps.
    pub fn sees_apps(&self) -> bool {
        self.may(Act::OwnApps) || self.may(Act::SeeClients)
    }
}
