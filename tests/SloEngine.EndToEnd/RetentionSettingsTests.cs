using SloEngine.Server.Configuration;
using SloEngine.Storage.Retention;
using SloEngine.Storage.Tables;

namespace SloEngine.EndToEnd;

/// <summary>The store's settings: the defaults that the reference names, and what does not fit.</summary>
public sealed class RetentionSettingsTests
{
    [Fact]
    public void Defaults_are_those_of_the_reference()
    {
        ServerOptions options = Resolve([]);

        Assert.Equal(
            new RetentionOptions
            {
                Metrics = TimeSpan.FromDays(30), Logs = TimeSpan.FromDays(7), Traces = TimeSpan.FromDays(7), Slo = TimeSpan.FromDays(400), MinFreeBytes = 1 << 30,
            },
            options.Retention);
        Assert.Equal(Path.Combine(options.Data, "backups"), options.Backups);
    }

    [Fact]
    public void Durations_are_read_as_PromQL_writes_them() =>
        Assert.Equal(TimeSpan.FromHours(36), Resolve(new() { [Setting.RetentionLogs] = "1d12h" }).Retention.Logs);

    [Theory]
    [InlineData("7", "retention.logs (flag --retention-logs): '7' does not fit; expected a duration such as 36h, 30d or 1y, at least 1h")]
    [InlineData("59m", "at least 1h")]
    [InlineData("forever", "'forever' does not fit")]
    public void A_duration_that_does_not_fit_is_named_with_its_place(string text, string message)
    {
        ConfigurationException wrong = Assert.Throws<ConfigurationException>(() => Resolve(new() { [Setting.RetentionLogs] = text }));

        Assert.Contains(message, wrong.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Roll_ups_are_kept_for_a_time_or_not_made()
    {
        Assert.Equal(TimeSpan.FromDays(730), Resolve(new() { [Setting.RetentionRollUps] = "2y" }).Retention.RollUps);
        Assert.Null(Resolve(new() { [Setting.RetentionRollUps] = "off" }).Retention.RollUps);
        Assert.Throws<ConfigurationException>(() => Resolve(new() { [Setting.RetentionRollUps] = "1h" }));
    }

    [Fact]
    public void The_ledger_is_kept_for_its_longest_window() =>
        Assert.Throws<ConfigurationException>(() => Resolve(new() { [Setting.RetentionSlo] = "89d" }));

    [Fact]
    public void Tenants_have_a_shorter_retention_of_their_own() => Assert.Equal(
        [
            new TenantRetention("acme", StoreSignal.Logs, TimeSpan.FromDays(3)),
            new TenantRetention("acme", StoreSignal.Traces, TimeSpan.FromDays(1)),
            new TenantRetention("a:b", StoreSignal.Metrics, TimeSpan.FromDays(14)),
        ],
        Resolve(new() { [Setting.RetentionTenants] = "acme:logs=3d,traces=1d; a:b : metrics = 2w" }).Retention.Tenants);

    [Theory]
    [InlineData("acme", "'acme' does not fit; expected TENANT:SIGNAL=DURATION")]
    [InlineData("acme:log=3d", "'log' of acme is no signal")]
    [InlineData("acme:logs", "'logs' of acme does not fit; expected a duration")]
    [InlineData("acme:logs=8d", "longer than retention.logs")]
    public void A_tenants_retention_that_does_not_fit_is_named(string text, string message) => Assert.Contains(
        message,
        Assert.Throws<ConfigurationException>(() => Resolve(new() { [Setting.RetentionTenants] = text })).Message,
        StringComparison.Ordinal);

    private static ServerOptions Resolve(Dictionary<Setting, string> flags) => ServerOptions.Resolve(flags, null, _ => null);
}
