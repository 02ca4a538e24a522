using SloEngine.PromQL.Series;
using SloEngine.Server.Rules;

namespace SloEngine.EndToEnd;

public sealed class RuleNotificationsTests
{
    [Fact]
    public void Alerts_of_two_tenants_have_two_fingerprints_and_the_default_tenants_is_Alertmanagers()
    {
        Labels labels = Labels.Of([new("alertname", "Down"), new("severity", "page")]);
        string[] fingerprints = [.. ((string[])["default", "acme", "umbrella"]).Select(tenant => RuleNotifications.Fingerprint(tenant, labels))];

        Assert.Equal(3, fingerprints.Distinct().Count());
        Assert.Equal("b8f0273cee3e6d28", fingerprints[0]);
    }
}
