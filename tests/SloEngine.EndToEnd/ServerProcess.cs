using System.Diagnostics;
using System.Text.Json;

namespace SloEngine.EndToEnd;

/// <summary>The real program as a process of its own, on free ports of the loopback.</summary>
public sealed class ServerProcess : IAsyncDisposable
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(60);

    private readonly Process _process;
    private readonly HttpClient _http = new();

    private readonly System.Text.StringBuilder _errors;

    private ServerProcess(Process process, System.Text.StringBuilder errors, string[] addresses)
    {
        (_process, _errors) = (process, errors);
        Grpc = new Uri("http://" + addresses[0]);
        OtlpHttp = new Uri(addresses[1]);
        Http = new Uri(addresses[2]);
        _http.BaseAddress = Http;
    }

    public Uri Grpc { get; }

    public Uri OtlpHttp { get; }

    public Uri Http { get; }

    public int Id => _process.Id;

    /// <summary>What it has written to standard error.</summary>
    public string Errors
    {
        get
        {
            lock (_errors)
            {
                return _errors.ToString();
            }
        }
    }

    public static Task<ServerProcess> StartAsync(string data, params string[] arguments) => StartAsync(data, new Dictionary<string, string>(), arguments);

    /// <summary>Starts it with variables in its environment.</summary>
    public static async Task<ServerProcess> StartAsync(string data, IReadOnlyDictionary<string, string> environment, params string[] arguments)
    {
        var start = new ProcessStartInfo(Path.Combine(AppContext.BaseDirectory, "sloengine"))
        {
            RedirectStandardOutput = true,
            RedirectStandardError = true,
            ArgumentList = { "serve", "--data", data },
        };
        foreach (string address in (string[])["--listen-grpc", "--listen-otlp-http", "--listen-http"])
        {
            if (!arguments.Contains(address))
            {
                start.ArgumentList.Add(address);
                start.ArgumentList.Add("127.0.0.1:0");
            }
        }
        foreach (string argument in arguments)
        {
            start.ArgumentList.Add(argument);
        }
        foreach ((string name, string value) in environment)
        {
            start.Environment[name] = value;
        }
        Process process = Process.Start(start)!;
        var errors = new System.Text.StringBuilder();
        process.ErrorDataReceived += (_, line) =>
        {
            lock (errors)
            {
                errors.AppendLine(line.Data);
            }
        };
        process.BeginErrorReadLine();
        using var patience = new CancellationTokenSource(Patience);
        try
        {
            string? ready = await process.StandardOutput.ReadLineAsync(patience.Token);
            Assert.True(ready == "ready", $"the server did not start: {ready} {errors}");
            var addresses = new string[3];
            for (int line = 0; line < addresses.Length; line++)
            {
                addresses[line] = (await process.StandardOutput.ReadLineAsync(patience.Token))!.Split(' ', StringSplitOptions.RemoveEmptyEntries)[1];
            }
            return new ServerProcess(process, errors, addresses);
        }
        catch
        {
            process.Kill();
            throw;
        }
    }

    public async Task<JsonElement> GetAsync(string path)
    {
        using HttpResponseMessage response = await _http.GetAsync(new Uri(path, UriKind.Relative));
        string text = await response.Content.ReadAsStringAsync();
        Assert.True(response.IsSuccessStatusCode, $"{path}: {(int)response.StatusCode} {text}");
        return JsonDocument.Parse(text).RootElement.Clone();
    }

    /// <summary>Waits until the store has everything that was acknowledged before the call.</summary>
    public async Task StoredAsync() => await UntilAsync(
        async () => (await _http.GetStringAsync(new Uri("/metrics", UriKind.Relative))).Split('\n').First(line => line.StartsWith("sloengine_collector_log_lag_bytes", StringComparison.Ordinal)),
        line => line.EndsWith(" 0", StringComparison.Ordinal),
        TimeSpan.FromSeconds(30));

    /// <summary>The first column of a SQL query's only row.</summary>
    public async Task<double> SqlNumberAsync(string sql)
    {
        JsonElement result = await GetAsync("/api/v1/sql?query=" + Uri.EscapeDataString(sql));
        return result.GetProperty("data")[0].EnumerateObject().First().Value.GetDouble();
    }

    /// <summary>The value of an instant query with one result; null without one.</summary>
    public async Task<double?> PromqlNumberAsync(string query)
    {
        JsonElement result = (await GetAsync("/api/v1/query?query=" + Uri.EscapeDataString(query))).GetProperty("data").GetProperty("result");
        return result.GetArrayLength() == 0 ? null
            : double.Parse(result[0].GetProperty("value")[1].GetString()!, System.Globalization.CultureInfo.InvariantCulture);
    }

    /// <summary>Asks again until the answer fits, for at most the given time.</summary>
    public static async Task<T> UntilAsync<T>(Func<Task<T>> read, Func<T, bool> fits, TimeSpan most)
    {
        long began = Stopwatch.GetTimestamp();
        while (true)
        {
            T value = await read();
            if (fits(value))
            {
                return value;
            }
            Assert.True(Stopwatch.GetElapsedTime(began) < most, $"after {most.TotalSeconds:0} s the answer is still {value}");
            await Task.Delay(TimeSpan.FromMilliseconds(100));
        }
    }

    /// <summary>Ends the process at once, as kill -9 does.</summary>
    public async Task KillAsync()
    {
        _process.Kill();
        await _process.WaitForExitAsync();
    }

    /// <summary>Asks the process to stop, as SIGTERM does; returns its exit code.</summary>
    public async Task<int> StopAsync()
    {
        using Process kill = Process.Start("kill", ["-TERM", $"{_process.Id}"]);
        await kill.WaitForExitAsync();
        using var patience = new CancellationTokenSource(Patience);
        await _process.WaitForExitAsync(patience.Token);
        return _process.ExitCode;
    }

    public async ValueTask DisposeAsync()
    {
        if (!_process.HasExited)
        {
            _process.Kill();
            await _process.WaitForExitAsync();
        }
        _process.Dispose();
        _http.Dispose();
    }
}

/// <summary>A directory that goes when the test ends.</summary>
public sealed class TemporaryDirectory : IDisposable
{
    private readonly DirectoryInfo _directory = Directory.CreateTempSubdirectory("sloengine-e2e-");

    public string Path => _directory.FullName;

    public string Write(string name, string text)
    {
        string path = System.IO.Path.Combine(Path, name);
        Directory.CreateDirectory(System.IO.Path.GetDirectoryName(path)!);
        File.WriteAllText(path, text);
        return path;
    }

    public void Dispose() => _directory.Delete(recursive: true);
}
