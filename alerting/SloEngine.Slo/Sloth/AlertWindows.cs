using SloEngine.Slo.Burn;
using SloEngine.Slo.OpenSlo;

namespace SloEngine.Slo.Sloth;

/// <summary>
/// Burn-rate windows by the length of the budget's window: those of <c>AlertWindows</c> documents, else the ones that Sloth brings for 28 and
/// 30 days, which are the workbook's.
/// </summary>
internal sealed class AlertWindows
{
    private readonly Dictionary<TimeSpan, IReadOnlyList<BurnPolicy>> _windows = [];

    /// <summary>Sloth's own policies for a period: factor = share of the budget x period / long window.</summary>
    public static IReadOnlyList<BurnPolicy> Default(TimeSpan period) =>
    [
        Policy("page-quick", Severity.Page, period, 2, TimeSpan.FromMinutes(5), TimeSpan.FromHours(1)),
        Policy("page-slow", Severity.Page, period, 5, TimeSpan.FromMinutes(30), TimeSpan.FromHours(6)),
        Policy("ticket-quick", Severity.Ticket, period, 10, TimeSpan.FromHours(2), TimeSpan.FromDays(1)),
        Policy("ticket-slow", Severity.Ticket, period, 10, TimeSpan.FromHours(6), TimeSpan.FromDays(3)),
    ];

    /// <summary>Takes in an <c>AlertWindows</c> document.</summary>
    public void Add(YamlPlace document)
    {
        YamlPlace spec = document.Required("spec");
        spec.OnlyKeys("sloPeriod", "page", "ticket");
        YamlPlace period = spec.Required("sloPeriod");
        if (!_windows.TryAdd(period.Duration, [.. Read(spec, "page", Severity.Page, period.Duration), .. Read(spec, "ticket", Severity.Ticket, period.Duration)]))
        {
            throw period.Fail($"{period.Path} {period.Text} has alert windows already");
        }
    }

    /// <summary>The policies for a period.</summary>
    public IReadOnlyList<BurnPolicy> For(TimeSpan period) => _windows.GetValueOrDefault(period) ?? Default(period);

    /// <summary>The period that Sloth files are for: 30 days, unless alert windows are given for one other.</summary>
    public TimeSpan Period => _windows.Count == 1 ? _windows.Keys.Single() : TimeSpan.FromDays(30);

    private static IEnumerable<BurnPolicy> Read(YamlPlace spec, string name, Severity severity, TimeSpan period)
    {
        YamlPlace windows = spec.Required(name);
        windows.OnlyKeys("quick", "slow");
        foreach (string speed in (string[])["quick", "slow"])
        {
            YamlPlace window = windows.Required(speed);
            window.OnlyKeys("errorBudgetPercent", "shortWindow", "longWindow");
            YamlPlace percent = window.Required("errorBudgetPercent");
            YamlPlace shorter = window.Required("shortWindow");
            YamlPlace longer = window.Required("longWindow");
            if (percent.Number is not (> 0 and <= 100))
            {
                throw percent.Fail($"{percent.Path} is {percent.Text}, expected above 0 and up to 100");
            }
            if (longer.Duration >= period)
            {
                throw longer.Fail($"{longer.Path} is {longer.Text}, expected less than sloPeriod");
            }
            if (shorter.Duration >= longer.Duration)
            {
                throw shorter.Fail($"{shorter.Path} is {shorter.Text}, expected less than longWindow");
            }
            yield return Policy($"{name}-{speed}", severity, period, percent.Number, shorter.Duration, longer.Duration);
        }
    }

    private static BurnPolicy Policy(string name, Severity severity, TimeSpan period, double budgetPercent, TimeSpan shortWindow, TimeSpan longWindow) =>
        new(name, severity, longWindow, shortWindow, budgetPercent * (period / longWindow) / 100, TimeSpan.Zero);
}
