using System.Runtime.InteropServices;

namespace SloEngine.Storage.Chdb;

/// <summary>
/// The signal SIGRTMIN, by which .NET stops a thread for a garbage collection. The engine takes the same one for its table
/// <c>system.stack_trace</c>, also when it is told to leave signals alone: the runtime's threads would then be stopped late or, when the
/// engine's handler meets one inside malloc and allocates, never. So what stood before a connection is put back after it.
/// </summary>
internal static partial class ActivationSignal
{
    /// <summary>More than a <c>struct sigaction</c> takes on any Linux.</summary>
    private const int ActionBytes = 512;

    /// <summary>What is done on the signal now; null where there is none such.</summary>
    public static byte[]? Save()
    {
        if (!OperatingSystem.IsLinux())
        {
            return null;
        }
        byte[] action = new byte[ActionBytes];
        return sigaction(__libc_current_sigrtmin(), null, action) == 0 ? action : throw Failure();
    }

    /// <summary>Puts back what <see cref="Save"/> gave.</summary>
    public static void Restore(byte[]? action)
    {
        if (action is not null && sigaction(__libc_current_sigrtmin(), action, null) != 0)
        {
            throw Failure();
        }
    }

    private static StoreException Failure() => new(0, $"the runtime's signal handler could not be kept: error {Marshal.GetLastPInvokeError()}");

    [LibraryImport("libc", SetLastError = true)]
    private static partial int sigaction(int signal, byte[]? action, [Out] byte[]? before);

    [LibraryImport("libc")]
    private static partial int __libc_current_sigrtmin();
}
