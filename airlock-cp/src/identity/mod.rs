//! People: how they sign in, which orgs they belong to and as what, and which browsers they are signed in with.
//!
//! Rules. An address belongs to one person, whatever its case. A person joins an org by invitation, with a verified
//! address. The last owner of an org cannot leave it, be demoted, disabled or deleted. Sign-out, another password,
//! disabling and leaving end sessions and tokens at once, in every process.

mod ground;
mod invitations;
mod invitations_repo;
mod joining;
mod logins;
mod logins_repo;
mod mail_tokens_repo;
mod members;
mod members_repo;
mod model;
mod orgs;
mod orgs_repo;
mod password;
mod recovery;
mod routes;
mod sign_in;
mod sign_up;
mod throttle;
mod users;
mod users_repo;

pub(crate) use ground::Ground;
pub use invitations::{InvitationView, Invitations, MadeInvitation};
pub use joining::{Joined, NewPerson};
pub use logins::{AGE_MAX, IDLE_MAX, Logins, OpenedLogin, WhoLogsIn};
pub use model::{Invitation, Login, Member, Membership, Org, User, UserStatus};
pub use orgs::{NewOrg, OrgPatch, Orgs};
pub use routes::{People, api};
pub use sign_in::{BREAK_GLASS, SignIn, SignInError};
pub use sign_up::NewSignUp;
pub use users::{MadeUser, NewUser, OwnerOf, Sessions, Users};
