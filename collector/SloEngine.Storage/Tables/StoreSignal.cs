using System.Text.Json.Serialization;

namespace SloEngine.Storage.Tables;

/// <summary>What a table's rows belong to: retention is set by it.</summary>
[JsonConverter(typeof(JsonStringEnumConverter<StoreSignal>))]
public enum StoreSignal
{
    /// <summary>Samples, histograms and exemplars.</summary>
    [JsonStringEnumMemberName("metrics")]
    Metrics,

    /// <summary>Log records.</summary>
    [JsonStringEnumMemberName("logs")]
    Logs,

    /// <summary>Spans.</summary>
    [JsonStringEnumMemberName("traces")]
    Traces,

    /// <summary>The ledger of good and total events.</summary>
    [JsonStringEnumMemberName("slo")]
    Slo,

    /// <summary>Samples of five minutes as one row.</summary>
    [JsonStringEnumMemberName("rollups")]
    RollUps,

    /// <summary>What the others refer to, and alerts: small, and kept.</summary>
    [JsonStringEnumMemberName("state")]
    State,
}

/// <summary>Which signal a table belongs to.</summary>
internal static class StoreSignals
{
    public static StoreSignal Of(string table) => table switch
    {
        "samples" or "histograms" or "exponential_histograms" or "float_histograms" or "exemplars" => StoreSignal.Metrics,
        "logs" => StoreSignal.Logs,
        "spans" => StoreSignal.Traces,
        "samples_5m" => StoreSignal.RollUps,
        "sli_buckets" => StoreSignal.Slo,
        _ => StoreSignal.State,
    };
}
