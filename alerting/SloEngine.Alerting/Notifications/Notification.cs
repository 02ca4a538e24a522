namespace SloEngine.Alerting.Notifications;

/// <summary>A notification that is owed to a receiver, or was delivered.</summary>
/// <param name="Id">Idempotency key: the same for every attempt.</param>
/// <param name="Fingerprint">Alert.</param>
/// <param name="Tenant">Whose alert it is about.</param>
/// <param name="Receiver">Receiver's name.</param>
/// <param name="Status">queued, delivered or failed.</param>
/// <param name="Attempts">Attempts so far.</param>
/// <param name="Created">When it was owed.</param>
/// <param name="Updated">Last attempt.</param>
/// <param name="Error">Why the last attempt failed; empty when it did not.</param>
/// <param name="Payload">Body.</param>
public sealed record Notification(
    string Id, string Fingerprint, string Tenant, string Receiver, string Status, int Attempts, DateTimeOffset Created, DateTimeOffset Updated, string Error, string Payload);
