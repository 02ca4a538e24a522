using System.Globalization;

namespace SloEngine.Collector.Gateway;

/// <summary>
/// What tells a forwarded request from any other: the stretch of a gateway's log that it was made of. In the header it stands as
/// <c>&lt;gateway&gt;/&lt;from&gt;-&lt;to&gt;</c>.
/// </summary>
/// <param name="Gateway">Id of the gateway's log.</param>
/// <param name="From">Where the stretch begins.</param>
/// <param name="To">Where it ends.</param>
internal readonly record struct ForwardId(Guid Gateway, long From, long To)
{
    public const string Header = "sloengine-forward-id";

    public static bool TryParse(string? text, out ForwardId id)
    {
        id = default;
        string[] parts = (text ?? "").Split('/', '-');
        if (parts.Length != 3
            || !Guid.TryParseExact(parts[0], "N", out Guid gateway)
            || !long.TryParse(parts[1], NumberStyles.None, CultureInfo.InvariantCulture, out long from)
            || !long.TryParse(parts[2], NumberStyles.None, CultureInfo.InvariantCulture, out long to)
            || from >= to)
        {
            return false;
        }
        id = new ForwardId(gateway, from, to);
        return true;
    }

    public override string ToString() => string.Create(CultureInfo.InvariantCulture, $"{Gateway:N}/{From}-{To}");
}
