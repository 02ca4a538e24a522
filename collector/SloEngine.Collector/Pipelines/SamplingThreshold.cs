using System.Buffers.Binary;
using System.Buffers.Text;
using System.Globalization;
using System.Runtime.InteropServices;

namespace SloEngine.Collector.Pipelines;

/// <summary>
/// Consistent probability sampling (opentelemetry.io/docs/specs/otel/trace/tracestate-probability-sampling): a trace is kept if its 56 random bits,
/// those of <c>ot=rv:</c> in its tracestate or else the last of its id (W3C Trace Context Level 2), are not below the threshold. Whoever
/// keeps a share by this rule keeps what everyone with a smaller share keeps.
/// </summary>
public readonly record struct SamplingThreshold
{
    private const ulong All = 1UL << 56;

    private SamplingThreshold(ulong rejected) => Rejected = rejected;

    /// <summary>How many of the 2^56 random numbers are not kept: the threshold <c>T</c> of the specification.</summary>
    public ulong Rejected { get; }

    /// <summary>The threshold that keeps a share, from 0 to 1.</summary>
    public static SamplingThreshold Of(double share) => new((ulong)Math.Round((1 - (decimal)share) * All));

    /// <summary>Whether a trace is kept.</summary>
    public bool Keeps(UInt128 traceId, ReadOnlySpan<byte> traceState) => Randomness(traceId, traceState) >= Rejected;

    /// <summary>
    /// The tracestate of a span that was kept: its <c>th</c> becomes this threshold, unless an earlier sample already had a higher one.
    /// </summary>
    public byte[]? TellIn(ReadOnlySpan<byte> traceState)
    {
        ulong told = Member(traceState, "th:"u8, out ReadOnlySpan<byte> digits) && TryHex(digits, leftAligned: true, out ulong earlier) ? earlier : 0;
        if (Rejected == 0 || told >= Rejected)
        {
            return null;
        }
        string threshold = Rejected.ToString("x14", CultureInfo.InvariantCulture).TrimEnd('0');
        string text = System.Text.Encoding.UTF8.GetString(traceState);
        string own = "";
        var others = new List<string>();
        foreach (string member in text.Split(',', StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries))
        {
            if (member.StartsWith("ot=", StringComparison.Ordinal))
            {
                own = string.Concat(member[3..].Split(';').Where(field => !field.StartsWith("th:", StringComparison.Ordinal)).Select(field => ";" + field));
            }
            else
            {
                others.Add(member);
            }
        }
        return System.Text.Encoding.UTF8.GetBytes(string.Join(',', others.Prepend($"ot=th:{threshold}{own}")));
    }

    private static ulong Randomness(UInt128 traceId, ReadOnlySpan<byte> traceState)
    {
        if (!traceState.IsEmpty && Member(traceState, "rv:"u8, out ReadOnlySpan<byte> digits) && digits.Length == 14 && TryHex(digits, leftAligned: false, out ulong explicitly))
        {
            return explicitly;
        }
        // The id's bytes stand in memory as on the wire.
        ReadOnlySpan<byte> bytes = MemoryMarshal.AsBytes(new ReadOnlySpan<UInt128>(in traceId));
        return BinaryPrimitives.ReadUInt64BigEndian(bytes[8..]) & (All - 1);
    }

    /// <summary>Finds a field of the member <c>ot</c>, such as <c>rv:</c>.</summary>
    private static bool Member(ReadOnlySpan<byte> traceState, ReadOnlySpan<byte> field, out ReadOnlySpan<byte> value)
    {
        value = default;
        foreach (Range member in traceState.Split((byte)','))
        {
            ReadOnlySpan<byte> text = traceState[member].Trim((byte)' ');
            if (!text.StartsWith("ot="u8))
            {
                continue;
            }
            text = text[3..];
            foreach (Range part in text.Split((byte)';'))
            {
                if (text[part].StartsWith(field))
                {
                    value = text[part][field.Length..];
                    return true;
                }
            }
        }
        return false;
    }

    private static bool TryHex(ReadOnlySpan<byte> digits, bool leftAligned, out ulong value) =>
        Utf8Parser.TryParse(digits, out value, out int read, 'x') && read == digits.Length && read is > 0 and <= 14
        && (!leftAligned || (value <<= 4 * (14 - read)) < All);
}
