//! What users do.

use cloakroom_auth::{Ending, Place};

use crate::support::{Application, Browser};

#[tokio::test]
async fn somebody_signs_in_sees_two_devices_and_ends_the_other() {
    let application = Application::new();
    let (mut desk, mut phone) = (Browser::default(), Browser::default());
    assert_eq!(desk.user(&application).await, None);
    desk.sign_in(&application, "ann").await;
    phone.sign_in(&application, "ann").await;
    assert_eq!(desk.user(&application).await.as_deref(), Some("ann"));

    let request = desk.request(&application);
    let sessions = request.visit.sessions().await.unwrap();
    let list = sessions.list().await.unwrap();
    assert_eq!(list.len(), 2);
    let other = list.iter().find(|it| it.place == Place::Elsewhere).unwrap();
    assert_eq!(sessions.end(other.handle.unwrap()).await.unwrap(), Ending::Ended);
    assert_eq!(sessions.end(other.handle.unwrap()).await.unwrap(), Ending::Unknown);
    desk.answer(request).await;

    assert_eq!(phone.user(&application).await, None);
    assert_eq!(desk.user(&application).await.as_deref(), Some("ann"));
}

#[tokio::test]
async fn r23_asvs_7_4_3_a_changed_password_ends_every_other_session_though_nobody_called_anything() {
    let application = Application::new();
    let mut browser = Browser::default();
    browser.sign_in(&application, "ann").await;
    application.accounts.set("ann", "another hash");
    assert_eq!(browser.user(&application).await, None);
    application.accounts.set("ann", "hash of ann");
    assert_eq!(browser.user(&application).await, None, "it has ended");
}

#[tokio::test]
async fn asvs_7_4_5_everybody_out() {
    let application = Application::new();
    let (mut ann, mut ben) = (Browser::default(), Browser::default());
    ann.sign_in(&application, "ann").await;
    ben.sign_in(&application, "ben").await;
    application.auth.sign_everybody_out().await.unwrap();
    assert_eq!((application.live("ann").await, application.live("ben").await), (0, 0), "nor is it listed");
    assert_eq!(ann.user(&application).await, None);
    assert_eq!(ben.user(&application).await, None);
    ben.sign_in(&application, "ben").await;
    assert_eq!(ben.user(&application).await.as_deref(), Some("ben"));
}
