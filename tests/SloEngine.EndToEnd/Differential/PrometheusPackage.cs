using System.Diagnostics;

namespace SloEngine.EndToEnd.Differential;

/// <summary>
/// The real Prometheus: one on the PATH if it is of version 3, else Debian's newest package, which is unpacked beside the tests' temporary
/// files without being installed. Stable's package is too old: ranges of version 2 include their start.
/// </summary>
internal static class PrometheusPackage
{
    private const string Suite = "deb [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] http://deb.debian.org/debian sid main\n";

    private static readonly Lazy<(string? Program, string Problem)> Found = new(Find);

    /// <summary>Path of the program, or null.</summary>
    public static string? Program => Found.Value.Program;

    /// <summary>Why there is none.</summary>
    public static string Problem => Found.Value.Problem;

    private static (string? Program, string Problem) Find()
    {
        string directory = Path.Combine(Path.GetTempPath(), "sloengine-prometheus");
        string unpacked = Path.Combine(directory, "usr", "bin", "prometheus");
        foreach (string program in (string[])["prometheus", unpacked])
        {
            if (IsRecent(program))
            {
                return (program, "");
            }
        }
        string problem = Download(directory);
        return problem.Length == 0 && IsRecent(unpacked) ? (unpacked, "") : (null, "there is no Prometheus 3 to compare with: " + problem);
    }

    private static bool IsRecent(string program)
    {
        (int code, string output) = Run(program, null, "--version");
        return code == 0 && output.Contains("version 3.", StringComparison.Ordinal);
    }

    private static string Download(string directory)
    {
        Directory.CreateDirectory(Path.Combine(directory, "lists", "partial"));
        Directory.CreateDirectory(Path.Combine(directory, "cache", "archives", "partial"));
        string sources = Path.Combine(directory, "sources.list");
        File.WriteAllText(sources, Suite);
        string[] apart =
        [
            "-o", "Dir::Etc::SourceList=" + sources, "-o", "Dir::Etc::SourceParts=/dev/null", "-o", "Dir::State::Lists=" + Path.Combine(directory, "lists"),
            "-o", "Dir::Cache=" + Path.Combine(directory, "cache"), "-qq",
        ];
        foreach (string[] command in (string[][])[["update"], ["download", "prometheus"]])
        {
            (int code, string output) = Run("apt-get", directory, [.. apart, .. command]);
            if (code != 0)
            {
                return $"apt-get {command[0]} failed: {output}";
            }
        }
        string package = Directory.GetFiles(directory, "prometheus_*.deb").First();
        (int unpacked, string errors) = Run("dpkg", directory, "-x", package, directory);
        File.Delete(package);
        Directory.Delete(Path.Combine(directory, "lists"), recursive: true);
        return unpacked == 0 ? "" : $"dpkg failed: {errors}";
    }

    private static (int Code, string Output) Run(string program, string? directory, params string[] arguments)
    {
        try
        {
            using Process process = Process.Start(new ProcessStartInfo(program, arguments)
            {
                WorkingDirectory = directory ?? "", RedirectStandardOutput = true, RedirectStandardError = true,
            })!;
            Task<string> errors = process.StandardError.ReadToEndAsync();
            string output = process.StandardOutput.ReadToEnd();
            process.WaitForExit();
            return (process.ExitCode, output + errors.Result);
        }
        catch (System.ComponentModel.Win32Exception missing)
        {
            return (-1, missing.Message);
        }
    }
}

/// <summary>A test that needs the real Prometheus. Where there is none it is skipped, and says so in the run's summary.</summary>
[AttributeUsage(AttributeTargets.Method)]
public sealed class PrometheusFactAttribute : FactAttribute
{
    public PrometheusFactAttribute()
    {
        if (PrometheusPackage.Program is null)
        {
            Skip = "NOT COMPARED WITH PROMETHEUS: " + PrometheusPackage.Problem;
            Console.Error.WriteLine(Skip);
        }
    }
}
