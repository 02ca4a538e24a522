using System.Diagnostics;
using System.Text.Json;

namespace SloEngine.EndToEnd;

/// <summary>Runs a script of the folder clients with Node.js; its packages are restored once.</summary>
internal static class NodeClient
{
    private static readonly SemaphoreSlim Restoring = new(1, 1);

    public static async Task<JsonElement> RunAsync(string script, params string[] arguments)
    {
        string directory = Locate();
        await Restoring.WaitAsync();
        try
        {
            if (!Directory.Exists(Path.Combine(directory, "node_modules")))
            {
                await ExecuteAsync("npm", directory, ["ci", "--no-audit", "--no-fund", "--loglevel=error"]);
            }
        }
        finally
        {
            Restoring.Release();
        }
        return JsonDocument.Parse(await ExecuteAsync("node", directory, [script, .. arguments])).RootElement.Clone();
    }

    private static string Locate()
    {
        for (DirectoryInfo? directory = new(AppContext.BaseDirectory); directory is not null; directory = directory.Parent)
        {
            if (File.Exists(Path.Combine(directory.FullName, "SloEngine.sln")))
            {
                return Path.Combine(directory.FullName, "tests", "SloEngine.EndToEnd", "clients");
            }
        }
        throw new InvalidOperationException("the tests run outside the repository");
    }

    private static async Task<string> ExecuteAsync(string program, string directory, string[] arguments)
    {
        using Process process = Process.Start(new ProcessStartInfo(program, arguments)
        {
            WorkingDirectory = directory,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        })!;
        Task<string> output = process.StandardOutput.ReadToEndAsync();
        Task<string> errors = process.StandardError.ReadToEndAsync();
        using var patience = new CancellationTokenSource(TimeSpan.FromMinutes(3));
        await process.WaitForExitAsync(patience.Token);
        Assert.True(process.ExitCode == 0, $"{program} {string.Join(' ', arguments)}: {await errors}");
        return await output;
    }
}
