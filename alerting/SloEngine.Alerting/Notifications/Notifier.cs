using System.Globalization;
using System.Net;
using System.Text;
using System.Threading.Channels;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using SloEngine.Alerting.Alerts;
using SloEngine.Slo.Model;
using SloEngine.Storage;

namespace SloEngine.Alerting.Notifications;

/// <summary>
/// Delivers notifications to webhooks: queued in the store before the first attempt, retried with growing delays, taken up again after a
/// restart. Every attempt carries the same Idempotency-Key.
/// </summary>
public sealed partial class Notifier : BackgroundService
{
    private const int MaxAttempts = 12;
    private static readonly TimeSpan FirstDelay = TimeSpan.FromSeconds(1);
    private static readonly TimeSpan LongestDelay = TimeSpan.FromMinutes(5);

    private readonly Channel<Notification> _queue = Channel.CreateUnbounded<Notification>();
    private readonly HttpClient _http = new() { Timeout = TimeSpan.FromSeconds(10) };
    private readonly NotificationTable _table;
    private readonly AlertingOptions _options;
    private readonly TimeProvider _time;
    private readonly ILogger _logger;

    /// <summary>Creates the notifier; it starts with the host.</summary>
    public Notifier(IColumnStore store, AlertingOptions options, TimeProvider time, ILogger<Notifier> logger)
    {
        (_options, _time, _logger) = (options, time, logger);
        _table = new NotificationTable(store, time);
    }

    /// <summary>Notifications, newest first.</summary>
    public Task<IReadOnlyList<Notification>> HistoryAsync(TenantScope scope, int limit, CancellationToken cancellation) => _table.ReadAsync(scope, owedOnly: false, limit, cancellation);

    /// <summary>Owes an alert's receiver a notification; it is durable when the task completes.</summary>
    public async Task EnqueueAsync(Alert alert, CancellationToken cancellation)
    {
        if (_options.Receivers.For(alert.Severity) is not { } receiver)
        {
            return;
        }
        string id = string.Create(CultureInfo.InvariantCulture, $"{alert.Fingerprint}-{alert.ActiveSince.ToUnixTimeMilliseconds()}-{alert.State.ToString().ToLowerInvariant()}");
        DateTimeOffset now = _time.GetUtcNow();
        var notification = new Notification(
            id, alert.Fingerprint, alert.Tenant, receiver.Name, "queued", 0, now, now, "", WebhookPayload.Of(alert, receiver.Name, _options.ExternalUrl()));
        await _table.SaveAsync(notification, cancellation);
        await _queue.Writer.WriteAsync(notification, cancellation);
    }

    /// <inheritdoc/>
    public override async Task StartAsync(CancellationToken cancellationToken)
    {
        foreach (Notification owed in (await _table.ReadAsync(TenantScope.All, owedOnly: true, 10_000, cancellationToken)).Reverse())
        {
            await _queue.Writer.WriteAsync(owed, cancellationToken);
        }
        await base.StartAsync(cancellationToken);
    }

    /// <inheritdoc/>
    public override void Dispose()
    {
        _http.Dispose();
        base.Dispose();
    }

    /// <inheritdoc/>
    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        await foreach (Notification notification in _queue.Reader.ReadAllAsync(stoppingToken))
        {
            // Each on its own: a receiver that is down holds nobody else up.
            _ = DeliverAsync(notification, stoppingToken);
        }
    }

    private async Task DeliverAsync(Notification notification, CancellationToken stopping)
    {
        try
        {
            TimeSpan delay = FirstDelay;
            while (notification.Status == "queued")
            {
                notification = await AttemptAsync(notification, stopping);
                await _table.SaveAsync(notification, stopping);
                if (notification.Status != "queued")
                {
                    LogDone(_logger, notification.Id, notification.Receiver, notification.Status, notification.Error);
                    return;
                }
                await Task.Delay(delay * (0.8 + (0.4 * Random.Shared.NextDouble())), _time, stopping);
                delay = delay * 2 < LongestDelay ? delay * 2 : LongestDelay;
            }
        }
        catch (OperationCanceledException) when (stopping.IsCancellationRequested)
        {
            // Still queued in the store: the next start takes it up.
        }
        catch (StoreException failure)
        {
            LogStoreFailed(_logger, notification.Id, failure.Message);
        }
    }

    private async Task<Notification> AttemptAsync(Notification notification, CancellationToken stopping)
    {
        Receiver? receiver = _options.Receivers.Receivers.FirstOrDefault(candidate => candidate.Name == notification.Receiver);
        Notification tried = notification with { Attempts = notification.Attempts + 1, Updated = _time.GetUtcNow() };
        if (receiver is null)
        {
            return tried with { Status = "failed", Error = $"there is no receiver '{notification.Receiver}' any more" };
        }
        try
        {
            using var request = new HttpRequestMessage(HttpMethod.Post, receiver.Url);
            request.Content = new StringContent(notification.Payload, Encoding.UTF8, "application/json");
            request.Headers.Add("Idempotency-Key", notification.Id);
            using HttpResponseMessage response = await _http.SendAsync(request, stopping);
            if (response.IsSuccessStatusCode)
            {
                return tried with { Status = "delivered", Error = "" };
            }
            bool final = response.StatusCode is >= HttpStatusCode.BadRequest and < HttpStatusCode.InternalServerError
                and not HttpStatusCode.RequestTimeout and not HttpStatusCode.TooManyRequests;
            return tried with { Status = final || tried.Attempts >= MaxAttempts ? "failed" : "queued", Error = $"the receiver answered {(int)response.StatusCode}" };
        }
        catch (Exception failure) when (failure is HttpRequestException or TaskCanceledException && !stopping.IsCancellationRequested)
        {
            return tried with { Status = tried.Attempts >= MaxAttempts ? "failed" : "queued", Error = failure.Message };
        }
    }

    [LoggerMessage(EventName = "notification.done", Level = LogLevel.Information, Message = "Notification {Id} to {Receiver}: {Status} {Error}")]
    private static partial void LogDone(ILogger logger, string id, string receiver, string status, string error);

    [LoggerMessage(EventName = "notification.store.failed", Level = LogLevel.Error, Message = "Notification {Id}: its state could not be saved: {Reason}")]
    private static partial void LogStoreFailed(ILogger logger, string id, string reason);
}
