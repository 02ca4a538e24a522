using System.Globalization;
using SloEngine.Slo.OpenSlo;

namespace SloEngine.Scaling.Policies;

/// <summary>Reads scaling policies: YAML documents of <c>kind: ScalingPolicy</c>.</summary>
internal static class ScalingPolicyFile
{
    private const int MostReplicas = 1_000_000;

    private static readonly TimeSpan Day = TimeSpan.FromDays(1);

    // The ledger's slots: a window is a number of them.
    private static readonly TimeSpan Slot = TimeSpan.FromSeconds(10);

    private static readonly string[] Keys =
    [
        "apiVersion", "kind", "metadata.name", "spec.target.namespace", "spec.target.name", "spec.slo", "spec.requestsPerReplica", "spec.window",
        "spec.burn.threshold", "spec.burn.boost", "spec.burn.window", "spec.minReplicas", "spec.maxReplicas", "spec.tolerance", "spec.onNoData",
        "spec.scaleUp.cooldown", "spec.scaleUp.maxStepPercent", "spec.scaleUp.maxStepReplicas", "spec.scaleUp.stepPeriod",
        "spec.scaleDown.cooldown", "spec.scaleDown.maxStepPercent", "spec.scaleDown.maxStepReplicas", "spec.scaleDown.stepPeriod",
    ];

    /// <summary>Reads files, by name and text, into policies and errors.</summary>
    public static (IReadOnlyList<ScalingPolicy> Policies, IReadOnlyList<SloFileError> Errors) Read(IEnumerable<(string Name, string Text)> files)
    {
        var policies = new Dictionary<string, ScalingPolicy>(StringComparer.Ordinal);
        var errors = new List<SloFileError>();
        foreach ((string file, string text) in files)
        {
            try
            {
                foreach (YamlPlace place in YamlPlace.Documents(file, text))
                {
                    ScalingPolicy policy = Policy(file, place);
                    if (!policies.TryAdd(policy.Name, policy))
                    {
                        throw place.Fail($"metadata.name '{policy.Name}' is taken in {policies[policy.Name].File}");
                    }
                }
            }
            catch (SloFileException failure)
            {
                errors.Add(failure.Error);
            }
        }
        return ([.. policies.Values], errors);
    }

    private static ScalingPolicy Policy(string file, YamlPlace place)
    {
        place.RejectUnknownKeys(Keys);
        Expect(place.Required("apiVersion"), "sloengine/v1");
        Expect(place.Required("kind"), "ScalingPolicy");
        YamlPlace spec = place.Required("spec");
        YamlPlace target = spec.Required("target");
        YamlPlace? burn = spec.Optional("burn");
        var policy = new ScalingPolicy
        {
            Name = place.Required("metadata").Required("name").Text,
            File = file,
            TargetNamespace = target.Required("namespace").Text,
            TargetName = target.Required("name").Text,
            Slo = spec.Required("slo").Text,
            RequestsPerReplica = Number(spec.Required("requestsPerReplica"), 0, least: 1e-6, most: 1e9),
            MaxReplicas = Whole(spec.Required("maxReplicas"), 0, least: 1) ?? 0,
        };
        policy = policy with
        {
            Window = Window(spec.Optional("window"), policy.Window),
            BurnThreshold = Number(burn?.Optional("threshold"), policy.BurnThreshold, least: 0, most: 1e9),
            BurnBoost = Number(burn?.Optional("boost"), policy.BurnBoost, least: 1, most: 100),
            BurnWindow = Window(burn?.Optional("window"), policy.BurnWindow),
            MinReplicas = Whole(spec.Optional("minReplicas"), policy.MinReplicas, least: 0) ?? 0,
            Tolerance = Number(spec.Optional("tolerance"), policy.Tolerance, least: 0, most: 0.5),
            OnNoData = spec.Optional("onNoData") is { } onNoData ? Choice(onNoData) : policy.OnNoData,
            ScaleUp = Pace(spec.Optional("scaleUp"), policy.ScaleUp),
            ScaleDown = Pace(spec.Optional("scaleDown"), policy.ScaleDown),
        };
        return policy.MaxReplicas >= policy.MinReplicas ? policy
            : throw spec.Required("maxReplicas").Fail($"spec.maxReplicas is {policy.MaxReplicas}, below spec.minReplicas, which is {policy.MinReplicas}");
    }

    private static ScalingPace Pace(YamlPlace? place, ScalingPace otherwise) => place is null ? otherwise : new ScalingPace
    {
        Cooldown = Duration(place.Optional("cooldown"), otherwise.Cooldown, TimeSpan.Zero),
        MaxStepPercent = place.Optional("maxStepPercent") is { } percent ? Number(percent, 0, least: 1, most: 10_000) : null,
        MaxStepReplicas = Whole(place.Optional("maxStepReplicas"), null, least: 1),
        StepPeriod = Duration(place.Optional("stepPeriod"), otherwise.StepPeriod, TimeSpan.FromSeconds(1)),
    };

    private static void Expect(YamlPlace place, string expected)
    {
        if (place.Text != expected)
        {
            throw place.Fail($"{place.Path} is '{place.Text}', expected {expected}");
        }
    }

    private static OnNoData Choice(YamlPlace place) => place.Text switch
    {
        "error" => OnNoData.Error,
        "hold" => OnNoData.Hold,
        "min" => OnNoData.Min,
        _ => throw place.Fail($"{place.Path} is '{place.Text}', expected error, hold or min"),
    };

    private static double Number(YamlPlace? place, double otherwise, double least, double most)
    {
        double number = place?.Number ?? otherwise;
        return place is null || (number >= least && number <= most) ? number
            : throw place.Fail(string.Create(CultureInfo.InvariantCulture, $"{place.Path} is '{place.Text}', expected a number from {least} to {most}"));
    }

    private static int? Whole(YamlPlace? place, int? otherwise, int least)
    {
        if (place is null)
        {
            return otherwise;
        }
        double number = place.Number;
        return number >= least && number <= MostReplicas && Math.Floor(number) == number ? (int)number
            : throw place.Fail($"{place.Path} is '{place.Text}', expected a whole number from {least} to {MostReplicas}");
    }

    private static TimeSpan Window(YamlPlace? place, TimeSpan otherwise) => Math.Ceiling(Duration(place, otherwise, 2 * Slot) / Slot) * Slot;

    private static TimeSpan Duration(YamlPlace? place, TimeSpan otherwise, TimeSpan least)
    {
        TimeSpan duration = place?.Duration ?? otherwise;
        return place is null || (duration >= least && duration <= Day) ? duration
            : throw place.Fail($"{place.Path} is '{place.Text}', expected a duration from {least.TotalSeconds:0}s to 24h");
    }
}
