using System.Globalization;
using SloEngine.Collector.Limits;

namespace SloEngine.Server.Configuration;

/// <summary>Reads limits of tenants: the defaults below <c>limits</c>, and what differs for one tenant below <c>tenants.NAME</c>.</summary>
internal static class TenantLimitsText
{
    /// <summary>Settings that a tenant may have of its own, below its name without the prefix <c>limits.</c>.</summary>
    public static readonly IReadOnlyList<Setting> Settings =
    [
        Setting.BytesPerSecond, Setting.BurstBytes, Setting.MaxActiveSeries, Setting.MaxActiveResources, Setting.MaxLabels, Setting.MaxLabelValueLength, Setting.MaxLogLineBytes,
    ];

    /// <summary>The key of a setting below a tenant's name.</summary>
    public static string KeyOf(Setting setting) => setting.Key["limits.".Length..];

    /// <summary>Limits from the text of each setting.</summary>
    /// <exception cref="ConfigurationException">A value is not usable.</exception>
    public static TenantLimits Read(Func<Setting, SettingText> text)
    {
        return new TenantLimits
        {
            BytesPerSecond = Number(Setting.BytesPerSecond, 0, 1L << 40),
            BurstBytes = Number(Setting.BurstBytes, 0, 1L << 40),
            MaxActiveSeries = (int)Number(Setting.MaxActiveSeries, 1, 100_000_000),
            MaxActiveResources = (int)Number(Setting.MaxActiveResources, 1, 100_000_000),
            MaxLabels = (int)Number(Setting.MaxLabels, 1, 1000),
            MaxLabelValueLength = (int)Number(Setting.MaxLabelValueLength, 1, 1 << 20),
            MaxLogLineBytes = (int)Number(Setting.MaxLogLineBytes, 64, 64 << 20),
        };

        long Number(Setting setting, long least, long most)
        {
            SettingText value = text(setting);
            return long.TryParse(value.Text, NumberStyles.None, CultureInfo.InvariantCulture, out long number) && number >= least && number <= most
                ? number
                : throw new ConfigurationException(string.Create(
                    CultureInfo.InvariantCulture, $"{setting.Key} ({value.Origin}): '{value.Text}' does not fit; expected a whole number from {least} to {most}"));
        }
    }
}
