using System.Globalization;
using System.Reflection;
using System.Runtime.InteropServices;

namespace SloEngine.Storage.Chdb;

/// <summary>Finds and loads libchdb. It weighs 540 MB, so it is loaded from where it is rather than copied to each output folder.</summary>
public static class ChdbLibrary
{
    /// <summary>Environment variable that names the library's file.</summary>
    public const string EnvironmentVariable = "SLOENGINE_LIBCHDB";

    private const string FileName = "libchdb.so";

    /// <summary>
    /// Memory that an insert has freed is what the next one takes, up to half a minute later. By default the allocator keeps it for each processor apart, for five seconds, and
    /// what is larger than 64 MiB not at all: a tenth to a sixth of a loaded collector's processor time was pages that it took anew. Few arenas, so that the next insert finds it on
    /// whatever thread it runs, and machines of many processors do not keep it for each.
    /// </summary>
    private static string AllocatorSettings =>
        string.Create(CultureInfo.InvariantCulture, $"percpu_arena:disabled,narenas:{Math.Clamp(Environment.ProcessorCount / 4, 1, 8)},oversize_threshold:0,dirty_decay_ms:120000");

    private static readonly Lock Loading = new();
    private static nint _handle;

    /// <summary>Loads the library once; later calls do nothing.</summary>
    /// <param name="path">Its file, or null to look in the environment, beside the program and in the restored npm package.</param>
    /// <exception cref="DllNotFoundException">It is nowhere; the message says where it was looked for.</exception>
    public static void Load(string? path = null)
    {
        lock (Loading)
        {
            if (_handle != 0)
            {
                return;
            }
            string library = Locate(path);
            // Read as the library is loaded, from the process's environment, which Environment.SetEnvironmentVariable does not change.
            _ = ChdbNative.setenv("JE_MALLOC_CONF", AllocatorSettings, overwrite: 0);
            _handle = NativeLibrary.Load(library);
            NativeLibrary.SetDllImportResolver(
                typeof(ChdbLibrary).Assembly,
                static (string name, Assembly _, DllImportSearchPath? _) => name == ChdbNative.Library ? _handle : 0);

            // .NET needs its own signal handlers for null checks; the engine must leave them alone. One it takes all the same: ActivationSignal.
            ChdbNative.chdb_set_signal_handlers_enabled(0);
        }
    }

    private static string Locate(string? path)
    {
        if (path is not null)
        {
            return File.Exists(path) ? path : throw new DllNotFoundException($"the ClickHouse engine is not at {path}");
        }
        var looked = new List<string>();
        foreach (string candidate in Candidates())
        {
            if (File.Exists(candidate))
            {
                return candidate;
            }
            looked.Add(candidate);
        }
        throw new DllNotFoundException(
            $"the ClickHouse engine ({FileName}) was not found; looked at: {string.Join(", ", looked)}. "
            + $"Set {EnvironmentVariable} to its path, or restore it with `npm ci` in deploy/engine.");
    }

    private static IEnumerable<string> Candidates()
    {
        if (Environment.GetEnvironmentVariable(EnvironmentVariable) is { Length: > 0 } variable)
        {
            yield return variable;
        }
        yield return Path.Combine(AppContext.BaseDirectory, FileName);

        string architecture = RuntimeInformation.ProcessArchitecture == Architecture.Arm64 ? "arm64" : "x64";
        string package = Path.Combine("deploy", "engine", "node_modules", "@chdb", $"lib-linux-{architecture}-gnu", FileName);
        for (DirectoryInfo? directory = new(AppContext.BaseDirectory); directory is not null; directory = directory.Parent)
        {
            if (File.Exists(Path.Combine(directory.FullName, "SloEngine.sln")))
            {
                yield return Path.Combine(directory.FullName, package);
            }
        }
    }
}
