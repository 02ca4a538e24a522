using System.Globalization;
using SloEngine.Otlp.Common;

namespace SloEngine.Otlp.Metrics;

/// <summary>
/// What the exemplars of one request may be. One beyond is dropped and told, and the point it came with is kept: exemplars illustrate.
/// </summary>
internal sealed class ExemplarBounds
{
    /// <summary>Exemplars of a request.</summary>
    public const int MaxExemplars = 100_000;

    /// <summary>Attributes of an exemplar, and the bytes of their keys and values together.</summary>
    public const int MaxAttributes = 64;
    public const int MaxAttributeBytes = 4096;

    private static readonly string TooMany = string.Create(CultureInfo.InvariantCulture, $"the request has more than {MaxExemplars} exemplars");
    private static readonly string TooManyAttributes = string.Create(CultureInfo.InvariantCulture, $"an exemplar has more than {MaxAttributes} attributes");
    private static readonly string TooLong = string.Create(CultureInfo.InvariantCulture, $"the attributes of an exemplar take more than {MaxAttributeBytes} bytes");

    private int _kept;
    private int _dropped;
    private string? _reason;

    /// <summary>A request begins.</summary>
    public void Begin() => (_kept, _dropped, _reason) = (0, 0, null);

    /// <summary>Whether the row being built, whose attributes are the last ones of the columns, may be kept; why not, if not.</summary>
    public string? Refusal(ExemplarColumns columns)
    {
        int first = columns.Count == 0 ? 0 : columns.Attributes.Ends[columns.Count - 1];
        int attributes = columns.Attributes.Keys.Count - first;
        if (_kept == MaxExemplars)
        {
            return TooMany;
        }
        if (attributes == 0)
        {
            return null;
        }
        return attributes > MaxAttributes ? TooManyAttributes
            : columns.Attributes.Keys.BytesFrom(first) + columns.Attributes.Values.BytesFrom(first) > MaxAttributeBytes ? TooLong
            : null;
    }

    /// <summary>Counts one that was kept.</summary>
    public void Keep() => _kept++;

    /// <summary>Counts one that was dropped; true when it is the first, whose reason is to be told.</summary>
    public bool Drop() => _dropped++ == 0;

    /// <summary>Why the first was dropped, and where it stood.</summary>
    public void Tell(string reason) => _reason = reason;

    /// <summary>Adds what became of the exemplars to the result of the request.</summary>
    public DecodeResult AddTo(DecodeResult result) => result with
    {
        Exemplars = _kept,
        DroppedExemplars = _dropped,
        Warning = _dropped == 0 ? null : string.Create(CultureInfo.InvariantCulture, $"{_dropped} exemplars were dropped: {_reason}"),
    };
}
