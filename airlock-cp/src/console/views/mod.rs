//! What each page shows: structs of texts and facts, each with its template. No service is known here.

mod approvals;
mod apps;
mod authorize;
mod clients;
mod grants;
mod home;
mod org;
mod pager;
mod plain;
mod profile;
mod shell;
mod sign_in;

pub use approvals::{ApproverPage, ApproverView, OfflinePage};
pub use apps::{AppEntry, AppForm, AppsPage};
pub use authorize::{ConsentPage, DevicePage, DeviceStep, OrgEntry, OrgsPage, ScopeWords};
pub use clients::{ClientEntry, ClientForm, ClientsPage};
pub use grants::{GrantEntry, GrantsPage, TenantGrants};
pub use home::{Hint, HomePage};
pub use org::{InvitationEntry, MemberEntry, OrgPage, RoleChoice};
pub use pager::Pager;
pub use plain::{ConfirmPage, ErrorPage, MessagePage, Secret, SecretPage};
pub use profile::{ConnectedClient, ProfilePage, SessionEntry, TokenEntry};
pub use shell::{Notice, OrgChoice, OrgHere, Place, Shell, Who};
pub use sign_in::{AcceptPage, ForgotPage, GoingPage, ResetPage, SignInPage, SignUpPage};
