using System.Diagnostics;

namespace SloEngine.EndToEnd;

/// <summary>A file system of a few megabytes, to be filled.</summary>
internal sealed class SmallFileSystem : IDisposable
{
    private SmallFileSystem(string path) => Path = path;

    public string Path { get; }

    private string Ballast => System.IO.Path.Combine(Path, "ballast");

    /// <summary>Mounts one in memory; null when this user may not.</summary>
    public static SmallFileSystem? TryMount(string path, string size)
    {
        Directory.CreateDirectory(path);
        return Run("mount", "-t", "tmpfs", "-o", "size=" + size, "tmpfs", path) ? new SmallFileSystem(path) : null;
    }

    /// <summary>Leaves no room for another byte.</summary>
    public void Fill()
    {
        using FileStream file = File.Create(Ballast);
        byte[] block = new byte[4096];
        try
        {
            while (true)
            {
                file.Write(block);
                file.Flush();
            }
        }
        catch (IOException)
        {
            // Full.
        }
    }

    public void Free() => File.Delete(Ballast);

    public void Dispose() => Run("umount", "-l", Path);

    private static bool Run(string program, params string[] arguments)
    {
        try
        {
            using Process process = Process.Start(new ProcessStartInfo(program, arguments) { RedirectStandardError = true })!;
            process.WaitForExit();
            return process.ExitCode == 0;
        }
        catch (System.ComponentModel.Win32Exception)
        {
            return false;
        }
    }
}
