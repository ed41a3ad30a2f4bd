//! People: how they sign in, which orgs they belong to and as what, and which browsers they are signed in with.
//!
//! Rules. An address belongs to one person, whatever its case. A person joins an org by invitation, with a verified
//! address. The last owner of an org cannot leave it, be demoted, disabled or deleted. Sign-out, another password,
//! disabling and leaving end sessions and tokens at once, in every process.

mod logins;
mod logins_repo;
mod model;
mod orgs;
mod orgs_repo;
mod users;
mod users_repo;

pub use logins::{Logins, OpenedLogin, WhoLogsIn};
pub use model::{Invitation, Login, Member, Membership, Org, User, UserStatus};
pub use orgs::Orgs;
pub use users::Users;
