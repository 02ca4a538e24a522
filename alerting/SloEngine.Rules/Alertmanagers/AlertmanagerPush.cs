using System.Diagnostics.Metrics;
using System.Globalization;
using System.Net.Http.Headers;
using System.Net.Http.Json;
using System.Text;
using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Serialization;
using System.Threading.Channels;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using SloEngine.Rules.Evaluation;

namespace SloEngine.Rules.Alertmanagers;

/// <summary>Which Alertmanagers are told of alerts of rules, and how.</summary>
public sealed record AlertmanagerOptions
{
    /// <summary>Addresses of Alertmanagers, without <c>/api/v2/alerts</c>; user and password may stand in them.</summary>
    public IReadOnlyList<Uri> Addresses { get; init; } = [];

    /// <summary>Time after which an alert is sent again: an Alertmanager that was away, or that has lost its state, gets it then.</summary>
    public TimeSpan ResendDelay { get; init; } = TimeSpan.FromMinutes(1);

    /// <summary>Time that an Alertmanager may take to answer.</summary>
    public TimeSpan Timeout { get; init; } = TimeSpan.FromSeconds(10);
}

/// <summary>
/// Sends alerts to Alertmanagers (Alertmanager's API v2, <c>POST /api/v2/alerts</c>) as Prometheus does: each that fires again and again, with an end
/// in the future that its next sending moves; each that is over for a quarter of an hour. So nothing is to be kept: what one
/// sending loses, the next brings.
/// </summary>
public sealed partial class AlertmanagerPush : BackgroundService
{
    /// <summary>Path below an Alertmanager's address.</summary>
    public const string ApiPath = "/api/v2/alerts";

    private const int MaxQueued = 10_000;
    private const int MaxBatch = 256;

    /// <summary>Sendings that may be lost before an Alertmanager takes an alert to be over.</summary>
    private const int LostSendings = 4;

    private static readonly JsonSerializerOptions Json = new() { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    private readonly AlertmanagerOptions _options;
    private readonly Destination[] _destinations;
    private readonly HttpClient _http;
    private readonly ILogger _logger;
    private readonly Meter _meter = new("SloEngine.Rules.Alertmanagers");
    private readonly Counter<long> _sent;
    private readonly Counter<long> _errors;
    private readonly Counter<long> _dropped;

    /// <summary>Creates the sender; it starts with the host.</summary>
    public AlertmanagerPush(AlertmanagerOptions options, ILogger<AlertmanagerPush> logger)
    {
        (_options, _logger) = (options, logger);
        _http = new HttpClient { Timeout = options.Timeout };
        _sent = _meter.CreateCounter<long>("sloengine.rules.alertmanager.sent", "{alert}", "Alerts that an Alertmanager has taken.");
        _errors = _meter.CreateCounter<long>("sloengine.rules.alertmanager.errors", "{alert}", "Alerts that an Alertmanager has not taken; they are sent again.");
        _dropped = _meter.CreateCounter<long>("sloengine.rules.alertmanager.dropped", "{alert}", "Alerts that were dropped because too many waited; they are sent again.");
        _destinations = [.. options.Addresses.Select(address => new Destination(address, MaxQueued, destination => _dropped.Add(1, destination.Tag)))];
    }

    /// <summary>Where alerts are posted, without passwords.</summary>
    public IReadOnlyList<Uri> Urls => [.. _destinations.Select(static destination => destination.Url)];

    /// <summary>Takes the alerts of a rule after an evaluation, and sends those that are due.</summary>
    /// <param name="tenant">Whose.</param>
    /// <param name="rule">The rule.</param>
    /// <param name="timeMs">Time of the evaluation.</param>
    /// <param name="interval">Time to the next one.</param>
    /// <param name="generatorUrl">Where people see the rule's expression.</param>
    /// <param name="externalLabels">Labels that alerts get which do not have them.</param>
    public void Evaluated(
        string tenant, AlertingState rule, long timeMs, TimeSpan interval, string generatorUrl, IReadOnlyDictionary<string, string> externalLabels)
    {
        if (_destinations.Length == 0)
        {
            return;
        }
        TimeSpan valid = LostSendings * (interval > _options.ResendDelay ? interval : _options.ResendDelay);
        foreach (RuleAlert alert in rule.TakeDue(timeMs, _options.ResendDelay))
        {
            Send(tenant, Message(alert, timeMs + (long)valid.TotalMilliseconds, generatorUrl, externalLabels));
        }
    }

    /// <summary>Sends an alert that is over because its rule is no more.</summary>
    public void Ended(string tenant, RuleAlert alert, string generatorUrl, IReadOnlyDictionary<string, string> externalLabels) =>
        Send(tenant, Message(alert, alert.ResolvedAtMs!.Value, generatorUrl, externalLabels));

    /// <inheritdoc/>
    public override void Dispose()
    {
        _http.Dispose();
        _meter.Dispose();
        base.Dispose();
    }

    /// <inheritdoc/>
    protected override Task ExecuteAsync(CancellationToken stoppingToken) => Task.WhenAll(_destinations.Select(destination => SendAsync(destination, stoppingToken)));

    private static AlertMessage Message(RuleAlert alert, long validUntilMs, string generatorUrl, IReadOnlyDictionary<string, string> externalLabels)
    {
        Dictionary<string, string> labels = new(externalLabels, StringComparer.Ordinal);
        foreach ((string name, string value) in alert.Labels.Pairs)
        {
            labels[name] = value;
        }
        return new AlertMessage(
            labels, alert.Annotations.ToDictionary(), Time(alert.FiredAtMs ?? alert.ActiveSinceMs), Time(alert.ResolvedAtMs ?? validUntilMs), generatorUrl);
    }

    private static DateTime Time(long milliseconds) => DateTimeOffset.FromUnixTimeMilliseconds(milliseconds).UtcDateTime;

    private void Send(string tenant, AlertMessage alert)
    {
        foreach (Destination destination in _destinations)
        {
            destination.Queue.Writer.TryWrite((tenant, alert));
        }
    }

    private async Task SendAsync(Destination destination, CancellationToken stopping)
    {
        ChannelReader<(string Tenant, AlertMessage Alert)> queue = destination.Queue.Reader;
        while (await queue.WaitToReadAsync(stopping))
        {
            var batch = new List<AlertMessage>();
            string? tenant = null;
            while (batch.Count < MaxBatch && queue.TryPeek(out (string Tenant, AlertMessage Alert) next) && (tenant is null || tenant == next.Tenant) && queue.TryRead(out next))
            {
                tenant ??= next.Tenant;
                batch.Add(next.Alert);
            }
            if (tenant is not null)
            {
                await PostAsync(destination, tenant, batch, stopping);
            }
        }
    }

    private async Task PostAsync(Destination destination, string tenant, List<AlertMessage> batch, CancellationToken stopping)
    {
        string error;
        try
        {
            using var request = new HttpRequestMessage(HttpMethod.Post, destination.Url) { Content = JsonContent.Create(batch, options: Json) };
            request.Headers.Authorization = destination.Authorization;
            // As Mimir's Alertmanager tells tenants apart; others pass over it.
            request.Headers.Add("X-Scope-OrgID", tenant);
            using HttpResponseMessage response = await _http.SendAsync(request, stopping);
            if (response.IsSuccessStatusCode)
            {
                _sent.Add(batch.Count, destination.Tag);
                return;
            }
            error = string.Create(CultureInfo.InvariantCulture, $"it answered {(int)response.StatusCode}");
        }
        catch (Exception failure) when (failure is HttpRequestException or TaskCanceledException && !stopping.IsCancellationRequested)
        {
            error = failure.Message;
        }
        _errors.Add(batch.Count, destination.Tag);
        LogFailed(destination.Url, batch.Count, error);
    }

    [LoggerMessage(EventName = "rules.alertmanager.failed", Level = LogLevel.Warning, Message = "Alertmanager {Url} has not taken {Count} alerts, which are sent again: {Error}")]
    private partial void LogFailed(Uri url, int count, string error);

    /// <summary>An Alertmanager, and what waits for it.</summary>
    private sealed class Destination
    {
        public Destination(Uri address, int capacity, Action<Destination> dropped)
        {
            Url = new UriBuilder(address) { UserName = "", Password = "", Path = address.AbsolutePath.TrimEnd('/') + ApiPath }.Uri;
            Authorization = address.UserInfo.Length == 0 ? null
                : new AuthenticationHeaderValue("Basic", Convert.ToBase64String(Encoding.UTF8.GetBytes(Uri.UnescapeDataString(address.UserInfo))));
            Tag = new KeyValuePair<string, object?>("alertmanager", Url.ToString());
            Queue = Channel.CreateBounded<(string, AlertMessage)>(
                new BoundedChannelOptions(capacity) { FullMode = BoundedChannelFullMode.DropOldest, SingleReader = true }, _ => dropped(this));
        }

        public Uri Url { get; }

        public AuthenticationHeaderValue? Authorization { get; }

        public KeyValuePair<string, object?> Tag { get; }

        public Channel<(string Tenant, AlertMessage Alert)> Queue { get; }
    }

    /// <summary>An alert on the wire (Alertmanager's OpenAPI, <c>postableAlert</c>).</summary>
    private sealed record AlertMessage(
        [property: JsonPropertyName("labels")] Dictionary<string, string> Labels,
        [property: JsonPropertyName("annotations")] Dictionary<string, string> Annotations,
        [property: JsonPropertyName("startsAt")] DateTime StartsAt,
        [property: JsonPropertyName("endsAt")] DateTime EndsAt,
        [property: JsonPropertyName("generatorURL")] string GeneratorUrl);
}
