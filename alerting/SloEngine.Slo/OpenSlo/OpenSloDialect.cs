namespace SloEngine.Slo.OpenSlo;

/// <summary>What the versions of OpenSLO call the same fields.</summary>
/// <param name="Kinds">Kinds of objects.</param>
/// <param name="Service">Fields that name the service.</param>
/// <param name="Indicator">Field of an inline indicator.</param>
/// <param name="IndicatorReference">Field of a reference to one.</param>
/// <param name="TimeWindow">Field of the budget's window.</param>
internal sealed record OpenSloDialect(string[] Kinds, string[] Service, string Indicator, string IndicatorReference, string TimeWindow)
{
    private static readonly string[] AllKinds = ["SLO", "SLI", "Service", "DataSource", "AlertPolicy", "AlertCondition", "AlertNotificationTarget"];
    private static readonly OpenSloDialect V1 = new(AllKinds, ["service"], "indicator", "indicatorRef", "timeWindow");
    private static readonly OpenSloDialect V1Alpha = new(["SLO", "Service"], ["service"], "indicator", "indicatorRef", "timeWindows");
    private static readonly OpenSloDialect V2Alpha = new(AllKinds, ["serviceRef", "service"], "sli", "sliRef", "timeWindow");

    /// <summary>The dialect of an <c>apiVersion</c>.</summary>
    public static OpenSloDialect Of(string version) => version switch
    {
        "openslo/v1alpha" => V1Alpha,
        "openslo/v1" => V1,
        _ => V2Alpha,
    };

    /// <summary>Whether it is v1alpha, in which indicators have another shape.</summary>
    public bool IsAlpha => this == V1Alpha;
}
