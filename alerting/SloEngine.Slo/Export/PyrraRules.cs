using SloEngine.Slo.Model;

namespace SloEngine.Slo.Export;

/// <summary>The rules that Pyrra generates for an SLO (pyrra-dev/pyrra, slo/rules.go): burn rates with their alerts, increases over the window, generic ones.</summary>
public static class PyrraRules
{
    /// <summary>Rules of an SLO, for each of its objectives.</summary>
    /// <exception cref="SloExportException">What is measured is not a metric's, or not PromQL.</exception>
    public static IEnumerable<PrometheusRuleGroup> Of(ServiceLevelObjective slo, PyrraRuleOptions? options = null) =>
        slo.Each().SelectMany(objective => new PyrraRuleWriter(objective, options ?? new PyrraRuleOptions()).Groups());
}
